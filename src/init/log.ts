import { createJsonLogger } from '../shared/json-log.ts';
import { isLevelEnabled } from '../shared/log-level.ts';
import type { LogFields, Logger, LogLevel } from '../shared/logger.ts';

/** One line per step, for people or for a log pipeline. */
export function createLogger(
  format: 'text' | 'json',
  level: LogLevel,
  write: (line: string) => void,
): Logger {
  const name = 'proxy-init';
  if (format === 'json') {
    return createJsonLogger({ level, name, write, clock: { epochMs: () => Date.now() } });
  }
  return {
    isEnabled: (asked) => isLevelEnabled(level, asked),
    log(asked, message, fields) {
      if (!isLevelEnabled(level, asked)) return;
      const mark = asked === 'warning' || asked === 'error' ? `${asked}: ` : '';
      write(`${name}: ${mark}${message}${formatFields(fields)}\n`);
    },
  };
}

/** Short values in brackets; those of several lines follow, indented. */
function formatFields(fields: LogFields = {}): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  const isBlock = (value: unknown): boolean => `${value}`.includes('\n');
  const short = given
    .filter(([, value]) => !isBlock(value))
    .map(([key, value]) => `${key}=${value}`);
  const blocks = given
    .filter(([, value]) => isBlock(value))
    .map(([, value]) => `\n${`${value}`.trimEnd()}`.replaceAll('\n', '\n  '));
  return `${short.length > 0 ? ` (${short.join(' ')})` : ''}${blocks.join('')}`;
}
