import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createPinoLogger } from '../../../src/proxy/log/pino-logger.ts';
import { createJsonLogger } from '../../../src/shared/json-log.ts';
import type { LogFields, LogLevel } from '../../../src/shared/logger.ts';

const clock = { epochMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const levels: readonly LogLevel[] = ['error', 'warning', 'info', 'debug', 'trace'];

const events: readonly { readonly message: string; readonly fields?: LogFields }[] = [
  { message: 'plain' },
  { message: '' },
  { message: 'empty fields', fields: {} },
  {
    message: 'every kind of value',
    fields: { text: 'x', number: 1.5, zero: 0, yes: true, no: false, absent: undefined },
  },
  { message: 'no numbers', fields: { nan: Number.NaN, infinite: Number.POSITIVE_INFINITY } },
  {
    message: 'escapes "\\\n\r\t\u0000\u2028é😀',
    fields: { 'odd "key"': '</script>\u007f', ü: 'ß' },
  },
  { message: 'lone surrogate \ud800', fields: { value: '\udfff' } },
  // Names that mean something to pino.
  {
    message: 'pino words',
    fields: { time: 1, pid: 2, hostname: 'h', msg: 'm', err: 'e', name: 'n', v: 1, req: 'r' },
  },
  { message: 'a request', fields: { method: 'GET', uri: '/metadata', status: 200 } },
  { message: 'format %s %d %j %%', fields: { format: '%s' } },
  { message: 'long', fields: { value: 'x'.repeat(2_000) } },
];

function writeAll(threshold: LogLevel, kind: 'json' | 'pino'): string {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  const logger =
    kind === 'json'
      ? createJsonLogger({ level: threshold, name: 'proxy', write, clock })
      : createPinoLogger({ level: threshold, name: 'proxy', clock, stream: { write } });
  for (const level of levels) {
    expect(logger.isEnabled(level)).toBe(levels.indexOf(level) <= levels.indexOf(threshold));
    for (const { message, fields } of events) logger.log(level, message, fields);
  }
  return written;
}

describe('both loggers write the same bytes for the same events', () => {
  test.each(levels)('at %s', (threshold) => {
    const json = writeAll(threshold, 'json');
    expect(json.split('\n').length - 1).toBe(events.length * (levels.indexOf(threshold) + 1));
    expect(writeAll(threshold, 'pino')).toBe(json);
  });
});

test('a standard error that takes nothing costs the line, not the caller', () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const module = new URL('../../../src/proxy/log/pino-logger.ts', import.meta.url);
  const script = `
    import { createPinoLogger } from ${JSON.stringify(module)};
    const logger = createPinoLogger({ level: 'info', name: 'exchanger' });
    logger.log('info', 'lost');
    logger.log('error', 'lost as well');
    console.log('still here');
  `;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { stdio: ['ignore', 'pipe', full], encoding: 'utf8', timeout: 20_000 },
  );
  expect([stdout, status]).toEqual(['still here\n', 0]);
});
