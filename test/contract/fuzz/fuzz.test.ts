/** A short run of `npm run fuzz` from a fixed seed, so that a failure can be repeated. */
import { expect, test } from 'vitest';
import { entraTarget } from '../../../fuzz/entra.ts';
import { httpTarget } from '../../../fuzz/http.ts';
import { settingsTarget } from '../../../fuzz/settings.ts';
import { tokenFileTarget } from '../../../fuzz/token-file.ts';

test.each([
  [httpTarget, 8],
  [entraTarget, 5],
  [settingsTarget, 5],
  [tokenFileTarget, 5],
])('$name: no random input does harm', async ({ fuzz }, seconds) => {
  const { cases, failure } = await fuzz({ seed: 20_261_129, seconds });
  expect(failure).toBeUndefined();
  expect(cases).toBeGreaterThan(0);
});
