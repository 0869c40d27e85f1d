import { existsSync, writeFileSync } from 'node:fs';
import type { Logger } from '../shared/logger.ts';
import type { OutputSettings } from './config.ts';
import { failures, type InitFailure } from './failures.ts';

/** The kubelet reads no more of the file. */
const mostTerminationBytes = 4_096;

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
  if (!existsSync(terminationLog)) return;
  try {
    const text = remedy === undefined ? message : `${message} ${remedy}`;
    writeFileSync(terminationLog, `${text}\n`.slice(0, mostTerminationBytes));
  } catch (error) {
    log.log('warning', `cannot write ${terminationLog}`, { reason: `${error}` });
  }
}

function toStack({ stack, cause }: InitFailure): string | undefined {
  return cause instanceof Error ? cause.stack : stack;
}
