import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxLogBytes, maxLogInputBytes, readLog } from '../../../../src/doctor/bundle/log-input.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doctor-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('reads a log to its end', async () => {
  const path = join(folder, 'short');
  await writeFile(path, 'one\ntwo\n');
  expect(await readLog(path)).toBe('one\ntwo\n');
});

test('keeps the last whole lines of a log that is too long', async () => {
  const path = join(folder, 'long');
  await writeFile(path, `${'first\n'.repeat(maxLogBytes / 4)}last\n`);
  const text = await readLog(path);
  expect(text.length).toBeLessThanOrEqual(maxLogBytes);
  expect(text).toMatch(/^first\n/);
  expect(text).toMatch(/\nlast\n$/);
});

test.each([
  ['a file that is not there', 'none', /cannot be read \(ENOENT\); name a file/],
  ['a folder', '.', /is a directory/],
])('refuses %s', async (_what, name, message) => {
  await expect(readLog(join(folder, name))).rejects.toThrow(message);
});

test('does not wait for the writer of a named pipe', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  await expect(readLog(path)).rejects.toThrow('is not a regular file');
});

test('does not wait for a log that does not end', async () => {
  const stdin = new PassThrough();
  stdin.write('one\n');
  expect(await readLog('-', { stdin, deadlineMs: 50 })).toBe('one\n');
});

test('reads no more than the bound of a log that never ends', async () => {
  let read = 0;
  const stdin = Readable.from(
    (function* () {
      for (;;) {
        read += 1_048_576;
        yield Buffer.alloc(1_048_576, 'line\n');
      }
    })(),
  );
  const text = await readLog('-', { stdin });
  expect(text.length).toBeLessThanOrEqual(maxLogBytes);
  expect(read).toBeLessThan(maxLogInputBytes + 32 * 1_048_576);
});
