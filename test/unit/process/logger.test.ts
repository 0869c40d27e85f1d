import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../src/proxy/process/logger.ts';
import type { LogFields, LogLevel } from '../../../src/shared/logger.ts';

const clock = { epochMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const levels: readonly LogLevel[] = ['error', 'warning', 'info', 'debug', 'trace'];
const head = (level: LogLevel): string =>
  `{"level":"${level}","timestamp":"2026-01-02T03:04:05.006000Z","logger":"proxy","message":`;

function record(level: LogLevel) {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { lines, logger: createLogger({ level, write, clock }) };
}

test.each(levels)('at %s it writes that level and everything more important', (threshold) => {
  const { lines, logger } = record(threshold);
  for (const level of levels) {
    logger.log(level, 'text');
    expect(logger.isEnabled(level)).toBe(levels.indexOf(level) <= levels.indexOf(threshold));
  }
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(
    levels.slice(0, levels.indexOf(threshold) + 1),
  );
});

describe('a line', () => {
  const written: readonly [string, LogFields | undefined, string][] = [
    ['plain', undefined, '"plain"'],
    ['', {}, '""'],
    [
      'values',
      { text: 'x', number: 1.5, zero: 0, yes: true, no: false, absent: undefined },
      '"values","text":"x","number":1.5,"zero":0,"yes":true,"no":false',
    ],
    ['no numbers', { nan: Number.NaN, far: Infinity }, '"no numbers","nan":null,"far":null'],
    ['"\\\n\r\t\u0000\u2028é😀', { 'odd "key"': '\u007f' }, null],
    ['lone surrogate \ud800', { value: '\udfff' }, null],
    ['format %s %d %j %%', { format: '%s' }, null],
    // Names that mean something to pino.
    [
      'names',
      { time: 1, pid: 2, hostname: 'h', msg: 'm', err: 'e', name: 'n', v: 1, req: 'r' },
      null,
    ],
    ['long', { value: 'x'.repeat(20_000) }, null],
  ].map(([message, fields, text]) => [
    message as string,
    fields as LogFields | undefined,
    (text as string | null) ?? JSON.stringify({ message, ...(fields as LogFields) }).slice(11, -1),
  ]);

  test.each(written)('%j has the fields of upstream first, then ours', (message, fields, rest) => {
    const { lines, logger } = record('info');
    logger.log('info', message, fields);
    expect(lines).toEqual([`${head('info')}${rest}}\n`]);
  });

  test('of a warning ends with the field that upstream uses', () => {
    const { lines, logger } = record('info');
    logger.log('warning', 'look', { key: 'value' });
    expect(lines).toEqual([`${head('warning')}"look","key":"value","warning":true}\n`]);
  });
});

describe('standard error', () => {
  const module = new URL('../../../src/proxy/process/logger.ts', import.meta.url);
  const program = (body: string): string[] => [
    '--input-type=module',
    '--eval',
    `import { createLogger } from ${JSON.stringify(module)};
     const logger = createLogger({ level: 'info' });
     ${body}`,
  ];

  test('that takes nothing costs the line, not the process', () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const { status, stdout } = spawnSync(
      process.execPath,
      program(
        `logger.log('info', 'lost'); logger.log('error', 'lost'); console.log('still here');`,
      ),
      { stdio: ['ignore', 'pipe', full], encoding: 'utf8', timeout: 20_000 },
    );
    expect([stdout, status]).toEqual(['still here\n', 0]);
  });
});
