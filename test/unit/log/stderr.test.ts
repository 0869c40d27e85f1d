import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLineWriter, type WriteSync } from '../../../src/shared/stderr.ts';

/** Stands for a file descriptor; the writer looks at a real one. */
const notOpen = 1_000_000;

function errorWith(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('lines to a file descriptor', () => {
  test('arrive as they are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'line-writer-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'log');
    const write = createLineWriter(openSync(path, 'w'));
    write('one\n');
    write('zwö\n');
    expect(readFileSync(path, 'utf8')).toBe('one\nzwö\n');
  });

  test('arrive whole when the system takes them piece by piece, or only at a second attempt', () => {
    const taken: number[] = [];
    let calls = 0;
    const write: WriteSync = (fd, bytes, offset) => {
      expect(fd).toBe(notOpen);
      calls += 1;
      if (calls % 2 === 0) throw errorWith('EAGAIN');
      taken.push(bytes[offset] ?? -1);
      return 1;
    };
    createLineWriter(notOpen, write)('a\u00e9\n');
    expect(Buffer.from(taken).toString()).toBe('aé\n');
  });

  test('are given up, not thrown, when nobody reads or the reader has gone', () => {
    for (const code of ['EAGAIN', 'EPIPE', 'EBADF']) {
      let calls = 0;
      createLineWriter(notOpen, () => {
        calls += 1;
        throw errorWith(code);
      })('lost\n');
      expect(calls).toBeGreaterThan(0);
      expect(calls).toBeLessThan(200);
    }
  });

  test('are waited for once only while nobody reads, and again when somebody has read', () => {
    let isFull = true;
    let calls = 0;
    const taken: string[] = [];
    const write = createLineWriter(notOpen, (_fd, bytes, offset) => {
      calls += 1;
      if (isFull) throw errorWith('EAGAIN');
      taken.push(Buffer.from(bytes.subarray(offset)).toString());
      return bytes.length - offset;
    });
    const countCalls = (line: string): number => {
      calls = 0;
      write(line);
      return calls;
    };
    expect(countCalls('first\n')).toBeGreaterThan(1);
    expect([countCalls('second\n'), countCalls('third\n')]).toEqual([1, 1]);
    isFull = false;
    expect(countCalls('fourth\n')).toBe(1);
    isFull = true;
    expect(countCalls('fifth\n')).toBeGreaterThan(1);
    expect(taken).toEqual(['fourth\n']);
  });

  test('after one that was given up half-way begin on a new line', () => {
    let room = 3;
    let text = '';
    const write = createLineWriter(notOpen, (_fd, bytes, offset) => {
      if (room === 0) throw errorWith('EAGAIN');
      const piece = bytes.subarray(offset, offset + room);
      room -= piece.length;
      text += Buffer.from(piece).toString();
      return piece.length;
    });
    write('broken\n');
    write('lost\n');
    room = 100;
    write('whole\n');
    write('next\n');
    expect(text).toBe('bro\nwhole\nnext\n');
  });
});

describe('a pipe', () => {
  const module = new URL('../../../src/shared/stderr.ts', import.meta.url);
  // 500 MB of lines, of which a pipe takes 64 KiB.
  const flood = `
    import { writeStderr } from ${JSON.stringify(module)};
    const before = process.memoryUsage.rss();
    const line = 'x'.repeat(100_000) + '\\n';
    for (let count = 0; count < 5_000; count += 1) writeStderr(line);
    const grownMb = (process.memoryUsage.rss() - before) / 1e6;
    console.log(grownMb < 250 ? 'small' : grownMb);
  `;

  test.each([
    ['nobody reads', 'sleep 100'],
    ['is closed', 'true'],
  ])('that %s costs lines, not time or memory', async (_, reader) => {
    // A pipe of the shell's blocks its writers, unlike one of Node's.
    const script = `{ "$0" "$@" 2>&1 1>&3 | ${reader}; } 3>&1`;
    const args = ['--input-type=module', '--eval', flood];
    const child = spawn('sh', ['-c', script, process.execPath, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    onTestFinished(() => void process.kill(-(child.pid ?? 0), 'SIGKILL'));
    const [stdout] = await once(child.stdout.setEncoding('utf8'), 'data');
    expect(stdout).toBe('small\n');
  });
});
