import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadlines } from '../../../../src/proxy/deadlines.ts';
import { type RetryInput, toNextStep } from '../../../../src/proxy/entra/exchange/retry.ts';
import type { RetryClass } from '../../../../src/proxy/entra/explain/context.ts';

const input: RetryInput = {
  retry: 'transient',
  retryAfterSeconds: undefined,
  attempts: 1,
  elapsedMs: 0,
  random: 0,
};

/** The waits of an exchange whose attempts all fail at once in the same way. */
function waitsOf(retry: RetryClass, random = 0): number[] {
  const waits: number[] = [];
  for (let elapsedMs = 0, attempts = 1; ; attempts += 1) {
    const step = toNextStep({ ...input, retry, attempts, elapsedMs, random });
    if (step === undefined) return waits;
    waits.push(step.waitMs);
    elapsedMs += step.waitMs;
  }
}

describe('retry policy', () => {
  it.each<[RetryClass, number[]]>([
    ['none', []],
    ['propagation', [1_000, 2_000]],
    ['transient', [400, 1_000, 2_000]],
    ['throttled', [800, 1_600]],
    ['if-assertion-changed', [0]],
  ])('%s: waits %j', (retry, waits) => {
    expect(waitsOf(retry)).toEqual(waits);
  });

  it('bridges a fault of 3.4 s with several attempts, whatever the jitter', () => {
    for (const random of [0, 0.5, 0.999]) {
      const waits = waitsOf('transient', random);
      const tries = waits.map((_wait, n) => waits.slice(0, n + 1).reduce((a, b) => a + b));
      expect(tries.filter((at) => at <= 2_000).length).toBeGreaterThanOrEqual(2);
      expect(tries.at(-1)).toBeGreaterThanOrEqual(3_400);
      expect(tries.at(-1)).toBeLessThan(4_000);
    }
  });

  it('keeps to a Retry-After of up to 5 s exactly and gives up at once on a longer one', () => {
    const throttled = { ...input, retry: 'throttled', random: 0.9 } as const;
    expect(toNextStep({ ...throttled, retryAfterSeconds: 1 })?.waitMs).toBe(1_000);
    expect(toNextStep({ ...throttled, retryAfterSeconds: 5 })?.waitMs).toBe(5_000);
    expect(toNextStep({ ...throttled, retryAfterSeconds: 6 })).toBeUndefined();
    expect(toNextStep({ ...input, retryAfterSeconds: 17 })).toBeUndefined();
  });

  it('T19: leaves a retry after a missing federated credential no more than the rest of 5 s', () => {
    const propagation = { ...input, retry: 'propagation' } as const;
    expect(toNextStep({ ...propagation, elapsedMs: 1_500 })?.attemptMs).toBe(2_500);
    expect(toNextStep({ ...propagation, elapsedMs: 3_600 })).toBeUndefined();
  });

  it('T22: never leaves an attempt more than 10 s, nor all of them more than the budget', () => {
    fc.assert(
      fc.property(
        fc.record({
          retry: fc.constantFrom<RetryClass>(
            'none',
            'propagation',
            'transient',
            'throttled',
            'if-assertion-changed',
          ),
          retryAfterSeconds: fc.option(fc.nat(20), { nil: undefined }),
          attempts: fc.integer({ min: 1, max: 6 }),
          elapsedMs: fc.nat(30_000),
          random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        }),
        (given) => {
          const step = toNextStep(given);
          if (step === undefined) return;
          expect(step.attemptMs).toBeLessThanOrEqual(10_000);
          expect(step.attemptMs).toBeGreaterThanOrEqual(500);
          const endMs = given.elapsedMs + step.waitMs + step.attemptMs;
          expect(endMs).toBeLessThanOrEqual(deadlines.exchangeMs);
          expect(step.waitMs).toBeGreaterThanOrEqual((given.retryAfterSeconds ?? 0) * 1_000);
          expect(given.attempts).toBeLessThan(4);
        },
      ),
    );
  });
});
