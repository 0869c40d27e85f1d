import type { LogLevel } from './logger.ts';
import { accept, refuse, type ValueType } from './option-table.ts';

const ranks: Readonly<Record<LogLevel, number>> = {
  error: 0,
  warning: 1,
  info: 2,
  debug: 3,
  trace: 4,
};

/** Whether a logger set to `threshold` writes lines of `level`. */
export function isLevelEnabled(threshold: LogLevel, level: LogLevel): boolean {
  return ranks[level] <= ranks[threshold];
}

/** Upstream's words for `--log-level`, and `warning`. The empty one leaves only errors. */
const levels: ReadonlyMap<string, LogLevel> = new Map([
  ['', 'error'],
  ['warning', 'warning'],
  ['info', 'info'],
  ['debug', 'debug'],
  ['trace', 'trace'],
  ['all', 'trace'],
]);

/** The value of `--log-level`. */
export const logLevelValue: ValueType<LogLevel> = {
  label: 'level',
  parse(text) {
    const level = levels.get(text);
    if (level !== undefined) return accept(level);
    // Upstream's words, which its users may search for.
    return refuse(
      'is an invalid log level, valid choices are the empty string, warning, info, debug, trace and all',
      'set one of these',
    );
  },
};
