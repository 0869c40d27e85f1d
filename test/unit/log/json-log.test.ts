import { describe, expect, test } from 'vitest';
import { createJsonLogger, formatTimestamp } from '../../../src/shared/json-log.ts';
import { isLevelEnabled, logLevelValue } from '../../../src/shared/log-level.ts';
import type { LogLevel } from '../../../src/shared/logger.ts';

const levels: readonly LogLevel[] = ['error', 'warning', 'info', 'debug', 'trace'];
const clock = { epochMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };

function record(level: LogLevel): { lines: string[]; logger: ReturnType<typeof createJsonLogger> } {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  return { lines, logger: createJsonLogger({ level, name: 'proxy', write, clock }) };
}

describe("upstream's log level", () => {
  test.each([
    ['', 'error'],
    ['warning', 'warning'],
    ['info', 'info'],
    ['debug', 'debug'],
    ['trace', 'trace'],
    ['all', 'trace'],
  ])('%j', (text, level) => {
    expect(logLevelValue.parse(text)).toEqual({ ok: true, value: level });
  });

  test.each(['INFO', 'warn', 'error', 'verbose', ' info', '4'])(
    '%j is refused in its words',
    (text) => {
      expect(logLevelValue.parse(text)).toMatchObject({
        ok: false,
        fault:
          'is an invalid log level, valid choices are the empty string, warning, info, debug, trace and all',
      });
    },
  );
});

describe('threshold', () => {
  test.each(levels)('at %s everything as important is written, nothing less', (threshold) => {
    const { lines, logger } = record(threshold);
    for (const level of levels) {
      logger.log(level, level);
      expect(logger.isEnabled(level)).toBe(isLevelEnabled(threshold, level));
    }
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(
      levels.slice(0, levels.indexOf(threshold) + 1),
    );
  });
});

describe('line', () => {
  test("has upstream's fields in upstream's order, then ours, and ends in a newline", () => {
    const { lines, logger } = record('info');
    logger.log('info', 'successfully acquired token', {
      method: 'GET',
      status: 200,
      ok: true,
      duration_ms: 1.5,
      absent: undefined,
    });
    expect(lines).toEqual([
      '{"level":"info","timestamp":"2026-01-02T03:04:05.006000Z","logger":"proxy","message":"successfully acquired token","method":"GET","status":200,"ok":true,"duration_ms":1.5}\n',
    ]);
  });

  test('marks a warning with the field that upstream uses', () => {
    const { lines, logger } = record('warning');
    logger.log('warning', 'look', { key: 'value' });
    expect(lines).toEqual([
      '{"level":"warning","timestamp":"2026-01-02T03:04:05.006000Z","logger":"proxy","message":"look","key":"value","warning":true}\n',
    ]);
  });

  test('stays one line whatever it holds', () => {
    const { lines, logger } = record('info');
    const hostile = 'a\nb\r"c"\\\u2028\u0000\ud800';
    logger.log('info', hostile, { value: hostile, number: Number.NaN });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\n\r]/);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      message: hostile,
      value: hostile,
      number: null,
    });
  });
});

describe('timestamp', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [1_767_323_045_006, '2026-01-02T03:04:05.006000Z'],
    [1_767_323_045_006.5, '2026-01-02T03:04:05.006500Z'],
    [1_767_323_045_006.25, '2026-01-02T03:04:05.006250Z'],
  ])('%d', (epochMs, text) => {
    expect(formatTimestamp(epochMs)).toBe(text);
  });
});
