import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderRedirectDocument } from '../../../build/docs-redirect.ts';
import { describeInNamespaces } from '../../support/netns.ts';

describeInNamespaces('docs/redirect.md', () => {
  it('shows what the program says and what the kernel then holds', async () => {
    const document = readFileSync(new URL('../../../docs/redirect.md', import.meta.url), 'utf8');
    expect(await renderRedirectDocument()).toBe(document);
  });
});
