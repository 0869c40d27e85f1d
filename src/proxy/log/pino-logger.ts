import { type DestinationStream, pino } from 'pino';
import { formatTimestamp, toMessageFields } from '../../shared/json-log.ts';
import type { Logger, LogLevel } from '../../shared/logger.ts';
import { writeStderr } from '../../shared/stderr.ts';
import { systemClock } from '../clock.ts';

export interface PinoLoggerOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  /** The program, such as `exchanger`. */
  readonly name: string;
  readonly clock?: { epochMs(): number };
  /**
   * Standard error unless given, written at once, so that a process that ends loses no line. pino's own
   * destination throws when the disk behind it is full, from within whatever was just being logged.
   */
  readonly stream?: DestinationStream;
}

const severities: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warning: 40,
  error: 50,
};

/**
 * A logger over pino, for the processes that can afford to load it. Its lines are the same, byte for byte,
 * as those of `createJsonLogger`: docs/decisions/0001-two-loggers.md.
 */
export function createPinoLogger({
  level: threshold,
  name,
  clock = systemClock,
  stream = { write: writeStderr },
}: PinoLoggerOptions): Logger {
  const logger = pino(
    {
      level: threshold,
      customLevels: severities,
      useOnlyCustomLevels: true,
      base: { logger: name },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"timestamp":"${formatTimestamp(clock.epochMs())}"`,
    },
    stream,
  );
  return {
    isEnabled: (level) => logger.isLevelEnabled(level),
    // Passed as a field, because pino puts its own message behind all others.
    log: (level, message, fields) => logger[level](toMessageFields(level, message, fields)),
  };
}
