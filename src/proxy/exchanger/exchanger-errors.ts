import { ProxyError } from '../errors.ts';

const memoryHint =
  'Look at the proxy container: a memory limit below the documented minimum ends it like this.';
const filesHint =
  'The proxy container or its node has no file descriptors left: raise the limit on open files.';
const processesHint =
  'The pod or its node has no processes left: raise the limit on process IDs, or find what uses them up.';
const startHint =
  'Look at the proxy container: its image has to be whole, and its files executable for the user it runs as.';
const logHint = 'Look at the log of the proxy container for what it said before.';

/** @param reason as the process's `exited` has told it */
export function diedTwice(reason: string): ProxyError {
  return new ProxyError('ERR_UNAVAILABLE', `exchanger died twice over one request: ${reason}`, {
    description: 'The process that asks Entra for tokens ended unexpectedly, twice.',
    hint: toHint(reason),
    retryAfterSeconds: 1,
  });
}

export function cannotStart(thrown: unknown): ProxyError {
  const reason = `cannot start: ${thrown instanceof Error ? thrown.message : thrown}`;
  return new ProxyError('ERR_UNAVAILABLE', `exchanger ${reason}`, {
    description: 'The process that asks Entra for tokens could not be started.',
    hint: toHint(reason),
    retryAfterSeconds: 1,
  });
}

export function stuck(afterMs: number): ProxyError {
  return new ProxyError('ERR_TIMEOUT', `exchanger gave no answer within ${afterMs} ms`, {
    description: 'The process that asks Entra for tokens gave no answer in time and was restarted.',
    retryAfterSeconds: 1,
  });
}

export function shuttingDown(): ProxyError {
  return new ProxyError('ERR_SHUTTING_DOWN', 'the proxy is shutting down');
}

/** A limit ends a process by a signal, V8's own by SIGABRT, or keeps it from starting with an errno. */
function toHint(reason: string): string {
  if (/E[MN]FILE/.test(reason)) return filesHint;
  if (reason.includes('EAGAIN')) return processesHint;
  if (/ENOMEM|SIGKILL|SIGABRT/.test(reason)) return memoryHint;
  return reason.startsWith('cannot start') ? startHint : logHint;
}
