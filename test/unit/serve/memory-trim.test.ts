import { expect, test } from 'vitest';
import { trimMemory } from '../../../src/proxy/memory-trim.ts';

test('collects what nothing refers to', async () => {
  const collected = Promise.withResolvers<void>();
  const registry = new FinalizationRegistry(() => collected.resolve());
  registry.register({ nobody: 'refers to it' }, undefined);
  // The collector must not run while the object is still on the stack.
  await new Promise((resolve) => setImmediate(resolve));
  trimMemory();
  await expect(collected.promise).resolves.toBeUndefined();
});
