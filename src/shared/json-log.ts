import { isLevelEnabled } from './log-level.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';

export interface JsonLoggerOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  /** The program, such as `proxy`. */
  readonly name: string;
  /** Takes one whole line, its newline included. */
  readonly write: (line: string) => void;
  readonly clock: { epochMs(): number };
}

/**
 * A logger that writes one line of JSON per event, with upstream's field names in upstream's order.
 */
export function createJsonLogger({
  level: threshold,
  name,
  write,
  clock,
}: JsonLoggerOptions): Logger {
  return {
    isEnabled: (level) => isLevelEnabled(threshold, level),
    log(level, message, fields) {
      if (!isLevelEnabled(threshold, level)) return;
      const timestamp = formatTimestamp(clock.epochMs());
      const line = { level, timestamp, logger: name, ...toMessageFields(level, message, fields) };
      write(`${JSON.stringify(line)}\n`);
    },
  };
}

/** What follows the logger's name in every line. Upstream marks warnings with an extra field. */
export function toMessageFields(
  level: LogLevel,
  message: string,
  fields: LogFields | undefined,
): Readonly<Record<string, string | number | boolean | undefined>> {
  return level === 'warning' ? { message, ...fields, warning: true } : { message, ...fields };
}

/** RFC 3339 in UTC with microseconds, as upstream writes it. */
export function formatTimestamp(epochMs: number): string {
  const wholeMs = Math.floor(epochMs);
  const micros = Math.floor((epochMs - wholeMs) * 1_000);
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
