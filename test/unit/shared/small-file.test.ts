import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  describeReadFault,
  readSmallFile,
  readSmallFileSync,
} from '../../../src/shared/small-file.ts';

/** Opening this path never ends, as on a network file system whose server is gone. */
const hungPath = '/hung/token';
const opened: string[] = [];

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof fs>();
  return {
    ...original,
    open(path: string, flags: number, callback: (error: Error | null, file: number) => void) {
      opened.push(path);
      if (path !== hungPath) original.open(path, flags, callback);
    },
  };
});

const maxBytes = 64 * 1_024;

function makeFolder(): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'small-file-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writeFile(content: string | Buffer): string {
  const path = join(makeFolder(), 'file');
  fs.writeFileSync(path, content);
  return path;
}

/** @returns the answer of each way of reading: the text, or `code …` */
async function readEachWay(path: string): Promise<readonly [string, string]> {
  const toCode = (thrown: NodeJS.ErrnoException) => `code ${thrown.code}`;
  const text = await readSmallFile(path, maxBytes).catch(toCode);
  try {
    return [text, readSmallFileSync(path, maxBytes)];
  } catch (thrown) {
    return [text, toCode(thrown as NodeJS.ErrnoException)];
  }
}

/** Reads the file both ways and expects the same of both. */
async function readBoth(path: string): Promise<string> {
  const [text, synchronous] = await readEachWay(path);
  expect(synchronous).toBe(text);
  return text;
}

describe('reading a small file', () => {
  it.each([
    ['an empty one', ''],
    ['a short one', 'content\n'],
    ['one with characters of several bytes', 'ä€😀'.repeat(3_000)],
    ['one of exactly the largest size', 'a'.repeat(maxBytes)],
  ])('returns all of it: %s', async (_name, content) => {
    expect(await readBoth(writeFile(content))).toBe(content);
  });

  it('follows symbolic links', async () => {
    const link = join(makeFolder(), 'link');
    fs.symlinkSync(writeFile('content'), link);
    expect(await readBoth(link)).toBe('content');
  });

  it('reads a file whose size the system reports as 0', async () => {
    expect(await readBoth('/proc/version')).toMatch(/^Linux version/);
  });

  it('refuses one byte more than the largest size', async () => {
    expect(await readBoth(writeFile('a'.repeat(maxBytes + 1)))).toBe('code EFBIG');
  });

  it('refuses a sparse file of 100 GB', async () => {
    const path = writeFile('');
    fs.truncateSync(path, 100e9);
    expect(await readBoth(path)).toBe('code EFBIG');
  });

  it('refuses /proc/self/pagemap, which reports 0 bytes and never ends, and takes no memory for it', async () => {
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 20; round += 1) {
      expect(await readBoth('/proc/self/pagemap')).toBe('code EFBIG');
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_024 * 1_024);
  });

  it('does not wait for the next line of /proc/kmsg', async () => {
    // Without CAP_SYSLOG it cannot be opened; with it, it holds too much, or nothing just now. The first reader takes
    // the lines, so the second may find another answer.
    for (const answer of await readEachWay('/proc/kmsg')) {
      expect(answer).toMatch(/^code (EAGAIN|EFBIG|EPERM|EACCES)$/);
    }
  });

  it('does not wait for the writer of a named pipe', async () => {
    const path = join(makeFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    expect(await readBoth(path)).toBe('code EINVAL');
  });

  it.each([
    ['a device', '/dev/zero', 'EINVAL'],
    ['a directory', '/', 'EISDIR'],
    ['a file that does not exist', '/none', 'ENOENT'],
    ['a path through a file', '/proc/version/x', 'ENOTDIR'],
  ])('refuses %s', async (_name, path, code) => {
    expect(await readBoth(path)).toBe(`code ${code}`);
  });

  it('closes every file', async () => {
    const countOpen = () => fs.readdirSync('/proc/self/fd').length;
    const paths = [writeFile('content'), writeFile('a'.repeat(maxBytes + 1)), '/dev/zero', '/'];
    const before = countOpen();
    for (const path of paths) await readBoth(path);
    expect(countOpen()).toBe(before);
  });

  it('gives up at the deadline, and all who wait for a hung file hold one read', async () => {
    const reads = Array.from({ length: 20 }, () => readSmallFile(hungPath, maxBytes, 20));
    for (const { status, ...rest } of await Promise.allSettled(reads)) {
      expect([status, rest]).toEqual([
        'rejected',
        { reason: expect.objectContaining({ code: 'ETIMEDOUT' }) },
      ]);
    }
    await expect(readSmallFile(hungPath, maxBytes, 20)).rejects.toThrow('ETIMEDOUT');
    expect(opened.filter((path) => path === hungPath)).toHaveLength(1);
  });

  it('reads again after a read has ended', async () => {
    const path = writeFile('old');
    expect(await readSmallFile(path, maxBytes)).toBe('old');
    fs.writeFileSync(path, 'new');
    expect(await readSmallFile(path, maxBytes)).toBe('new');
  });
});

describe('the fault of a file that could not be read', () => {
  it.each([
    ['EINVAL', 'is not a regular file'],
    ['EISDIR', 'is a directory'],
    ['EFBIG', 'has more than 64 KiB'],
    ['ETIMEDOUT', 'could not be read within 2 s'],
    ['ENOENT', 'cannot be read (ENOENT)'],
  ])('%s', (code, fault) => {
    expect(describeReadFault(Object.assign(new Error('x'), { code }), maxBytes)).toBe(fault);
  });

  it('names a larger bound in MiB', () => {
    const error = Object.assign(new Error('x'), { code: 'EFBIG' });
    expect(describeReadFault(error, 1_024 * 1_024)).toBe('has more than 1 MiB');
  });
});
