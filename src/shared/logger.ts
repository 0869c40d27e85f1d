/** The levels of upstream's `--log-level`, most important first; `error` cannot be switched off. */
export type LogLevel = 'error' | 'warning' | 'info' | 'debug' | 'trace';

/** Named values of a log line. Never a token, an assertion, a secret or a whole query string. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where a part of the program says what it does; passed in, never imported. */
export interface Logger {
  isEnabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
}
