import { describe, expect, test } from 'vitest';
import {
  createMemoryTrimmer,
  findMemoryRisk,
  MIN_MEMORY_LIMIT_BYTES,
  trimMemory,
} from '../../../src/proxy/process/memory.ts';
import { createManualClock } from '../../support/manual-clock.ts';

test('collects what nothing refers to', async () => {
  const collected = Promise.withResolvers<void>();
  const registry = new FinalizationRegistry(() => collected.resolve());
  registry.register({ nobody: 'refers to it' }, undefined);
  // The collector must not run while the object is still on the stack.
  await new Promise((resolve) => setImmediate(resolve));
  trimMemory();
  await expect(collected.promise).resolves.toBeUndefined();
});

describe('a trim', () => {
  test('waits for ten seconds without requests, and comes once however often it was asked for', async () => {
    const clock = createManualClock();
    let lastRequestAtMs: number | undefined;
    let trims = 0;
    const trim = () => {
      trims += 1;
    };
    const memory = createMemoryTrimmer({ clock, trim }, () => lastRequestAtMs);
    memory.trimSoon();
    memory.trimSoon();
    await clock.advance(9_000);
    lastRequestAtMs = clock.monotonicMs();
    await clock.advance(9_999);
    expect(trims).toBe(0);
    await clock.advance(10_000);
    expect(trims).toBe(1);
    await clock.advance(60_000);
    expect(trims).toBe(1);
    memory.trimSoon();
    await clock.advance(10_000);
    expect(trims).toBe(2);
  });
});

describe('the warning about a memory limit', () => {
  test.each([0, MIN_MEMORY_LIMIT_BYTES, 2 ** 63])('is not given for %d bytes', (limit) => {
    expect(findMemoryRisk(limit)).toBeUndefined();
  });

  test('names the limit, the supported one and the field to change', () => {
    expect(findMemoryRisk(64 * 2 ** 20)).toBe(
      "the container's memory limit of 64 MiB is below the supported 128 MiB: tokens may take seconds; raise resources.limits.memory",
    );
  });
});
