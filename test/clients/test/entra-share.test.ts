/** A scenario that was not played must not look like one that passed. */
import { expect, test } from 'vitest';
import type { JournaledOutcome } from '../../../src/emulator/journal.ts';
import { findMissing } from '../lab/entra-share.ts';
import { type ScenarioName, scenarios } from '../lab/scenarios.ts';

const token: Partial<JournaledOutcome> = { status: 200 };
const reset: Partial<JournaledOutcome> = { fault: 'reset' };
const throttled: Partial<JournaledOutcome> = { status: 429, fault: 'throttle' };
const unknown: Partial<JournaledOutcome> = { status: 400, aadsts: 700_016 };
const other: Partial<JournaledOutcome> = { status: 400, aadsts: 700_211 };

test.each<[ScenarioName, readonly Partial<JournaledOutcome>[], RegExp | undefined]>([
  ['default', [], undefined],
  ['down', [reset, reset, token], undefined],
  ['down', [token], /fault reset/],
  ['probeDown', [], /fault reset/],
  ['throttled', [throttled, token], undefined],
  ['probeThrottled', [reset, token], /fault throttle/],
  ['unknown', [unknown], undefined],
  ['unknown', [], /AADSTS700016/],
  ['unknown', [other], /AADSTS700016/],
  ['beforeFallback', [token], /AADSTS700016/],
])('%s, where Entra has answered %j', (name, outcomes, missing) => {
  const entries = outcomes.map((outcome) => ({ outcome: { durationMs: 1, ...outcome } }));
  const found = findMissing(scenarios[name], [...entries, { outcome: undefined }]);
  if (missing === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(missing);
});
