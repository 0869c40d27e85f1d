import { expect, test } from 'vitest';
import { createRequestIds } from '../../../src/proxy/http/reply.ts';

test('ids look like GUIDs of version 4 and do not repeat', () => {
  const next = createRequestIds();
  const ids = Array.from({ length: 10_000 }, next);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) {
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
  }
});

test('two servers do not give the same ids', () => {
  expect(createRequestIds()()).not.toBe(createRequestIds()());
});

test('when the number has no digit left, a new series begins', () => {
  const next = createRequestIds({ lastNumber: 10_000_001 });
  const ids = Array.from({ length: 5 }, next);
  expect(new Set(ids).size).toBe(5);
  expect(new Set(ids.map((id) => id.slice(0, 28))).size).toBe(3);
  for (const id of ids) expect(id).toHaveLength(36);
});
