import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { replay } from './replay.ts';
import { startScriptedProxy } from './scripted-proxy.ts';
import { type ConfigurationName, vectors } from './vectors.ts';

const names: readonly ConfigurationName[] = ['standard', 'no_default', 'none'];

describe.each(names)('configuration %s', (name) => {
  let proxy: ScriptedServer;
  beforeAll(async () => {
    proxy = await startScriptedProxy(name);
  });
  afterAll(() => proxy[Symbol.asyncDispose]());

  const own = vectors.filter(({ configuration = 'standard' }) => configuration === name);
  test.each(own)('vector $number: $title', async ({ steps }) => {
    for (const step of steps) {
      const asked = proxy.source.gets.length;
      await replay(proxy.endpoint, step);
      // A second time: the answer may come from memory now and must not differ.
      await replay(proxy.endpoint, step);
      // Whatever is refused costs no exchange.
      if (step.expect.outcome !== 'ok') expect(proxy.source.gets).toHaveLength(asked);
    }
  });
});

test('every vector from 1 to 98 has a test', async () => {
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.test.ts'));
  const texts = await Promise.all(
    files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')),
  );
  const named = texts.flatMap((text) => [...text.matchAll(/^ *test\('vector (\d+)/gm)]);
  const numbers = new Set([
    ...vectors.map(({ number }) => number),
    ...named.map(([, number]) => Number(number)),
  ]);
  const all = Array.from({ length: 98 }, (_, index) => index + 1);
  expect(all.filter((number) => !numbers.has(number))).toEqual([]);
});
