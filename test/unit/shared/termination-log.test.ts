import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  MAX_TERMINATION_BYTES,
  toTerminationText,
  writeTerminationLog,
} from '../../../src/shared/termination-log.ts';

function makeFile(content = ''): string {
  const folder = mkdtempSync(join(tmpdir(), 'termination-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'termination-log');
  writeFileSync(path, content);
  return path;
}

const message = 'No backend can be used here.';
const remedy = 'Set INIT_BACKEND=auto.';

describe('the termination log', () => {
  test('gets the message and the remedy, in the place of an earlier message', () => {
    const path = makeFile(`${'old '.repeat(1_000)}`);
    expect(writeTerminationLog(path, { message, remedy })).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe(`${message} ${remedy}\n`);
  });

  test('is not created', () => {
    const path = `${makeFile()}-none`;
    expect(writeTerminationLog(path, { message })).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  test.each<[string, (path: string) => string, RegExp]>([
    [
      'a symbolic link',
      (path) => {
        symlinkSync(path, `${path}-link`);
        return `${path}-link`;
      },
      /^ELOOP$/,
    ],
    [
      'a file with a second name',
      (path) => {
        linkSync(path, `${path}-link`);
        return `${path}-link`;
      },
      /not a termination log/,
    ],
    [
      'a file with more than the kubelet reads',
      (path) => {
        writeFileSync(path, 'x'.repeat(MAX_TERMINATION_BYTES + 1));
        return path;
      },
      /not a termination log/,
    ],
    [
      'a directory',
      (path) => {
        mkdirSync(`${path}-folder`);
        return `${path}-folder`;
      },
      /^EISDIR$/,
    ],
    ['a device', () => '/dev/null', /not a termination log/],
    [
      'a pipe without a reader',
      (path) => {
        execFileSync('mkfifo', [`${path}-pipe`]);
        return `${path}-pipe`;
      },
      /^ENXIO$/,
    ],
    ['a path through a file', (path) => `${path}/x`, /^ENOTDIR$/],
    ['a path with a NUL', () => '/tmp/a\0b', /^ERR_INVALID_ARG_VALUE$/],
  ])('%s stays as it is', (_, make, reason) => {
    const original = makeFile('somebody else’s');
    const path = make(original);
    const before = readFileSync(original, 'utf8');
    expect(writeTerminationLog(path, { message })).toMatch(reason);
    expect(readFileSync(original, 'utf8')).toBe(before);
  });

  test('has no more bytes than the kubelet reads, whole characters, and the whole remedy', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 6_000, size: 'max' }),
        fc.option(fc.string({ unit: 'binary', maxLength: 3_000 }), { nil: undefined }),
        (text, fix) => {
          const written = toTerminationText({ message: text, remedy: fix });
          expect(Buffer.byteLength(written)).toBeLessThanOrEqual(MAX_TERMINATION_BYTES);
          if (!`${text}${fix}`.includes('\ufffd')) expect(written).not.toContain('\ufffd');
          expect(written.endsWith('\n')).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
    const long = toTerminationText({ message: 'ä'.repeat(5_000), remedy });
    expect(long).toMatch(/^ä+… Set INIT_BACKEND=auto\.\n$/);
    expect(Buffer.byteLength(long)).toBeGreaterThan(MAX_TERMINATION_BYTES - 4);
  });

  test('has neither tokens nor characters that a terminal acts on', () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
    const text = toTerminationText({
      message: `rule \u001b[31mred\u0007 client_secret=hunter2\nsecond line ${token}`,
    });
    expect(text).toBe('rule ?[31mred? client_secret=[redacted]\nsecond line [redacted]\n');
  });
});
