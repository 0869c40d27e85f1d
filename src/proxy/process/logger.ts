import { pino } from 'pino';
import { formatTimestamp, toMessageFields } from '../../shared/json-log.ts';
import type { Logger, LogLevel } from '../../shared/logger.ts';
import { writeStderr } from '../../shared/stderr.ts';
import { systemClock } from '../clock.ts';

export interface LoggerOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  /** Takes one whole line, its newline included. Must not throw. Standard error unless given. */
  readonly write?: (line: string) => void;
  readonly clock?: { epochMs(): number };
}

const severities: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warning: 40,
  error: 50,
};

/**
 * The proxy's logger: pino, with upstream's field names in upstream's order. It writes at once, so that a
 * process that ends loses no line, and through a destination of ours: pino's own throws when the disk is
 * full and buffers without a bound when nobody reads the pipe.
 */
export function createLogger({
  level: threshold,
  write = writeStderr,
  clock = systemClock,
}: LoggerOptions): Logger {
  const logger = pino(
    {
      level: threshold,
      customLevels: severities,
      useOnlyCustomLevels: true,
      base: { logger: 'proxy' },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"timestamp":"${formatTimestamp(clock.epochMs())}"`,
    },
    { write },
  );
  return {
    isEnabled: (level) => logger.isLevelEnabled(level),
    // The message is passed as a field, because pino writes its own message after all others.
    log: (level, message, fields) => logger[level](toMessageFields(level, message, fields)),
  };
}
