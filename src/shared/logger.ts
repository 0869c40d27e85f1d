/** The levels of upstream's `--log-level`, most important first; `error` cannot be switched off. */
export type LogLevel = 'error' | 'warning' | 'info' | 'debug' | 'trace';

/**
 * Named values of a log line. Never a token, an assertion, a secret or a whole query string, and none of
 * the names that every line has.
 */
export interface LogFields {
  readonly [name: string]: string | number | boolean | undefined;
  readonly level?: never;
  readonly timestamp?: never;
  readonly logger?: never;
  readonly message?: never;
  readonly warning?: never;
}

/** Takes the log lines of a part of the program. Passed in, never imported. */
export interface Logger {
  isEnabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
}
