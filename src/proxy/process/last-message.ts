import { readlinkSync } from 'node:fs';
import type { Environment } from '../../shared/options.ts';
import { usualTerminationLog, writeTerminationLog } from '../../shared/termination-log.ts';

/**
 * Leaves the reason why the server ends where `kubectl describe pod` shows it. A file that cannot be written
 * changes nothing: standard error has the reason as well.
 */
export function tellKubelet(message: string, env: Environment): void {
  if (!isOfContainer()) return;
  const path = env['IMDS_PROXY_TERMINATION_LOG']?.trim() ?? '';
  // A relative path is refused when the settings are read; until then the usual file gets the message.
  writeTerminationLog(path.startsWith('/') ? path : usualTerminationLog, { message });
}

/**
 * Whether this process is the container's and not one that `kubectl exec` runs beside it: that one shares the
 * file, and its message would stand there when the container ends.
 */
function isOfContainer(): boolean {
  if (process.pid === 1) return true;
  try {
    return readlinkSync('/proc/1/exe') !== readlinkSync('/proc/self/exe');
  } catch {
    // With a shared process namespace, the first process is another container's.
    return true;
  }
}
