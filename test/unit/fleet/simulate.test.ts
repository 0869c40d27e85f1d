/** What the policy of the cache promises for a fleet; docs/fleet.md has the same at full size. */
import { describe, expect, test } from 'vitest';
import type { Figures } from '../../../fleet/figures.ts';
import type { PolicyName } from '../../../fleet/pods.ts';
import { scenarios } from '../../../fleet/scenarios.ts';
import { simulate } from '../../../fleet/simulate.ts';

/** A fleet with as many pods for each token that Entra issues a second as 100,000 pods have. */
const crowd = { pods: 4_000, limitPerSecond: 20 };
/** One that Entra has room for. */
const small = { pods: 100, limitPerSecond: 500 };

function play(
  name: string,
  policy: PolicyName,
  size: { readonly pods: number; readonly limitPerSecond: number },
): Promise<Figures> {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return simulate(scenario, { ...size, policy, seed: 1 });
}

test('the same seed gives the same figures', async () => {
  const size = { pods: 500, limitPerSecond: 5 };
  expect(await play('restart', 'ours', size)).toEqual(await play('restart', 'ours', size));
});

describe('a fleet that restarts, above the limit of its tenant', () => {
  test('is served sooner and with fewer requests than without jitter, and than upstream', async () => {
    const ours = await play('restart', 'ours', crowd);
    const others = [
      await play('restart', 'without jitter', crowd),
      await play('restart', 'upstream', crowd),
    ];
    expect(ours.firstToken.unserved).toBe(0);
    for (const other of others) {
      expect(ours.posts).toBeLessThan(other.posts * 0.8);
      expect(ours.firstToken.medianMs).toBeLessThan(other.firstToken.medianMs * 0.9);
      expect(ours.firstToken.lastMs).toBeLessThan(other.firstToken.lastMs);
    }
  });
});

describe('tokens that were issued together', () => {
  test.each(['expire-hour', 'expire-day'])('%s: are renewed below the limit', async (name) => {
    const ours = await play(name, 'ours', crowd);
    expect(ours.peakPerSecond).toBeLessThanOrEqual(crowd.limitPerSecond);
    expect(ours.lost).toBe(0);
  });

  test('without jitter, and upstream, go far beyond it', async () => {
    for (const policy of ['without jitter', 'upstream'] as const) {
      const { peakPerSecond } = await play('expire-hour', policy, crowd);
      expect(peakPerSecond).toBeGreaterThan(5 * crowd.limitPerSecond);
    }
  });
});

describe('an outage', () => {
  test('of ten minutes costs nobody a token of an hour', async () => {
    const size = { pods: 2_000, limitPerSecond: 500 };
    expect((await play('outage-10-min', 'ours', size)).lost).toBe(0);
    expect((await play('outage-10-min', 'upstream', size)).lost).toBeGreaterThan(0);
  });

  test('of two hours: a pod without a token asks 8 times a minute at most, and heals within a minute', async () => {
    const ours = await play('outage-2-h', 'ours', small);
    expect(ours.lost).toBe(small.pods);
    expect(ours.posts / (ours.withoutTokenMs / 60_000)).toBeLessThan(8);
    // 36 s of memory, an exchange that began before the end, and the pause of the application.
    expect(ours.healedMs).toBeLessThan(60_000);
  });
});
