import type { Logger, LogLevel } from '../shared/logger.ts';
import type { Clock } from './clock.ts';

/**
 * Limits for lines that look the same. The first ones of a period are logged, the others are counted. Otherwise one
 * refused client, or a library that fails again and again, could write megabytes of log a second.
 */
export const repeatLimits = {
  periodMs: 30_000,
  /** Lines of one kind in a period, before the one that counts the rest. */
  lines: 3,
  /** Different kinds in a period. Beyond that, those of the same class count as the same. */
  kinds: 64,
};

type Fields = Readonly<Record<string, string | number | undefined>>;

/** A line that may be written again and again. */
export interface RepeatedLine {
  readonly level: LogLevel;
  /** Tells the kinds apart; the line that counts the rest has them. */
  readonly fields: Fields;
  /** The same for lines that are alike, once there are too many kinds. */
  readonly classFields: Fields;
}

/** Bounds how often lines with one message are logged. */
export interface RepeatLimit {
  /** Whether to log the line. If not, it has been counted. */
  admits(line: RepeatedLine): boolean;
  /** Logs at once how many lines have been suppressed so far. */
  flush(): void;
}

interface Kind {
  readonly level: LogLevel;
  readonly fields: Fields;
  lines: number;
  suppressed: number;
}

/** @param message of the lines, and of those that count the rest */
export function createRepeatLimit(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  message: string,
): RepeatLimit {
  const kinds = new Map<string, Kind>();
  let cancel = (): void => {};

  const flush = (): void => {
    cancel();
    for (const { level, fields, suppressed } of kinds.values()) {
      if (suppressed > 0) logger.log(level, message, { ...fields, suppressed });
    }
    kinds.clear();
  };

  const toKind = ({ level, fields, classFields }: RepeatedLine): Kind => {
    const isRoom = kinds.size < repeatLimits.kinds;
    const shown = isRoom ? fields : classFields;
    const known = kinds.get(JSON.stringify(fields)) ?? kinds.get(JSON.stringify(shown));
    if (known !== undefined) return known;
    const kind = { level, fields: shown, lines: 0, suppressed: 0 };
    if (kinds.size === 0) cancel = clock.after(repeatLimits.periodMs, flush);
    kinds.set(JSON.stringify(shown), kind);
    return kind;
  };

  return {
    flush,
    admits(line) {
      const kind = toKind(line);
      if (kind.lines >= repeatLimits.lines) {
        kind.suppressed += 1;
        return false;
      }
      kind.lines += 1;
      return true;
    },
  };
}
