import { createJsonLogger } from '../shared/json-log.ts';
import { isLevelEnabled } from '../shared/log-level.ts';
import type { LogFields, Logger, LogLevel } from '../shared/logger.ts';
import { type TerminationMessage, writeTerminationLog } from '../shared/termination-log.ts';
import type { OutputSettings } from './config.ts';
import { failures, type InitFailure } from './failures.ts';

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

/**
 * Says why proxy-init failed: on standard error, and in the file that `kubectl describe pod` shows.
 * @param log writes to standard error in the chosen format
 */
export function reportFailure(
  failure: InitFailure,
  { format, terminationLog }: OutputSettings,
  log: Logger,
): void {
  const row = failures[failure.kind];
  const remedy = 'remedy' in row ? row.remedy : undefined;
  const { kind, exitCode, message } = failure;
  if (format === 'json') {
    log.log('error', message, { error_code: kind, exit_code: exitCode, remedy });
  } else {
    log.log('error', remedy === undefined ? message : `${message}\n  ${remedy}`);
  }
  if (kind === 'unexpected') log.log('debug', 'stack', { stack: toStack(failure) });
  tellKubelet({ message, remedy }, terminationLog, log);
}

/** Leaves the result where `kubectl describe pod` shows it. */
export function tellKubelet(message: TerminationMessage, file: string, log: Logger): void {
  const reason = writeTerminationLog(file, message);
  if (reason !== undefined) log.log('warning', `cannot write ${file}`, { reason });
}

function toStack({ stack, cause }: InitFailure): string | undefined {
  return cause instanceof Error ? cause.stack : stack;
}
