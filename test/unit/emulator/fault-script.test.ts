import { describe, expect, it } from 'vitest';
import { createFaultScript } from '../../../src/emulator/faults/fault-script.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const request = { clientId: 'AAAA', resource: 'https://vault.azure.net' };

function createFixture() {
  const clock = createManualClock();
  const script = createFaultScript({ clock });
  const kinds = (count: number): (string | undefined)[] =>
    Array.from({ length: count }, () => script.take(request).effect?.kind);
  return { clock, script, kinds };
}

describe('the fault script', () => {
  it('does nothing when empty', () => {
    const { script } = createFixture();
    expect(script.take(request)).toEqual({ delayMs: 0, effect: undefined });
  });

  it('applies a fault to the next so many requests', () => {
    const { script, kinds } = createFixture();
    script.add({ effect: { kind: 'reset' }, requests: 2 });
    expect(kinds(3)).toEqual(['reset', 'reset', undefined]);
    expect(script.list()).toEqual([]);
  });

  it('applies a fault for a time', async () => {
    const { script, kinds, clock } = createFixture();
    script.add({ effect: { kind: 'reset' }, durationMs: 1000 });
    await clock.advance(999);
    expect(kinds(2)).toEqual(['reset', 'reset']);
    await clock.advance(1);
    expect(kinds(1)).toEqual([undefined]);
  });

  it('applies a fault until it is cleared', () => {
    const { script, kinds } = createFixture();
    script.add({ effect: { kind: 'hang' } });
    expect(kinds(3)).toEqual(['hang', 'hang', 'hang']);
    script.clear();
    expect(kinds(1)).toEqual([undefined]);
  });

  it('lets the faults take turns in the order in which they were added', () => {
    const { script, kinds } = createFixture();
    script.add({ effect: { kind: 'throttle', retryAfterSeconds: 1 }, requests: 1 });
    script.add({ effect: { kind: 'empty' }, requests: 2 });
    expect(kinds(4)).toEqual(['throttle', 'empty', 'empty', undefined]);
  });

  it('adds delays up and lets them go with another effect', () => {
    const { script } = createFixture();
    script.add({ effect: { kind: 'delay', delayMs: 100 }, requests: 1 });
    script.add({ effect: { kind: 'html', status: 502 }, requests: 1 });
    script.add({ effect: { kind: 'delay', delayMs: 20 } });
    expect(script.take(request)).toEqual({ delayMs: 120, effect: { kind: 'html', status: 502 } });
    expect(script.take(request)).toEqual({ delayMs: 20, effect: undefined });
  });

  it.each([
    [{ clientId: 'aaaa' }, true],
    [{ clientId: 'bbbb' }, false],
    [{ resource: 'https://vault.azure.net' }, true],
    [{ resource: 'https://storage.azure.com' }, false],
    [{ clientId: 'aaaa', resource: 'https://storage.azure.com' }, false],
  ])('with %j applies to the request: %s', (limits, applies) => {
    const { script } = createFixture();
    script.add({ effect: { kind: 'reset' }, requests: 1, ...limits });
    expect(script.take(request).effect?.kind).toBe(applies ? 'reset' : undefined);
    // A request that it does not apply to leaves its count alone.
    expect(script.list()).toHaveLength(applies ? 0 : 1);
  });

  it('reports the remaining faults', async () => {
    const { script, clock } = createFixture();
    script.replace([
      { effect: { kind: 'reset' }, requests: 3 },
      { effect: { kind: 'hang' }, durationMs: 1000 },
    ]);
    script.take(request);
    await clock.advance(400);
    expect(script.list()).toEqual([
      { effect: { kind: 'reset' }, requests: 3, remainingRequests: 2 },
      { effect: { kind: 'hang' }, durationMs: 1000, remainingMs: 600 },
    ]);
    script.replace([]);
    expect(script.list()).toEqual([]);
  });
});
