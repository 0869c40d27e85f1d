import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxEntryBytes, openBundle } from '../../../../src/doctor/bundle/bundle.ts';
import { createRedact } from '../../../../src/doctor/engine/redact.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doctor-bundle-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const report = { checks: [], summary: { ok: 0, warn: 0, fail: 0, skip: 0 } };

test('a file that is too long is cut, and says so', async () => {
  const path = join(folder, "my case's.tar.gz");
  const text = `${'long '.repeat(600)}\n`.repeat(1_000);
  expect(text.length).toBeGreaterThan(maxEntryBytes);
  const bundle = await openBundle({ bundle: path, log: undefined }, process.stdout);
  const place = {
    from: 'a test',
    checks: [],
    secrets: [],
    collect: async () => ({ files: [{ name: 'metrics.txt', text }], tokens: [] }),
  };
  const said = await bundle.write(place, report, createRedact([]));
  const command = /tar -xzf .*/.exec(said)?.[0] ?? 'false';
  expect(
    execFileSync('sh', ['-c', command.replace('-xzf', '-tzf')], { encoding: 'utf8' }),
  ).toContain('proxy-doctor/metrics.txt');
  const unpacked = execFileSync('tar', ['-xOzf', path, 'proxy-doctor/metrics.txt'], {
    encoding: 'utf8',
    maxBuffer: 2 * maxEntryBytes,
  });
  expect(unpacked.length).toBeLessThanOrEqual(maxEntryBytes);
  expect(unpacked).toMatch(/\(cut here\)\n$/);
});

test('a file that appears meanwhile is not overwritten', async () => {
  const path = join(folder, 'late.tar.gz');
  const place = { from: 'a test', checks: [], secrets: [] };
  const [first, second] = await Promise.all(
    [1, 2].map(() => openBundle({ bundle: path, log: undefined }, process.stdout)),
  );
  await first?.write(place, report, createRedact([]));
  await expect(second?.write(place, report, createRedact([]))).rejects.toThrow(
    `--bundle: ${path} exists; name another file, or remove it`,
  );
});
