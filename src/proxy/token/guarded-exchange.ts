import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Exchange, ExchangeRequest, IssuedToken } from '../exchange.ts';

/** Runs exchanges so that each of them ends, whatever the exchange function does. */
export interface GuardedExchange {
  readonly isStopped: boolean;
  /**
   * @param deadlineMs later than any deadline of a sound exchange: this one is for an unsound one.
   * @throws ProxyError, always: the exchange's own, ERR_TIMEOUT at the deadline, ERR_SHUTTING_DOWN when
   * stopped and only then, ERR_INTERNAL for anything else that was thrown.
   */
  run(request: ExchangeRequest, deadlineMs: number): Promise<IssuedToken>;
  /** Aborts the running exchanges, tells all their waiters at once, and starts no more. */
  stop(): void;
}

export function createGuardedExchange(deps: {
  readonly clock: Clock;
  readonly exchange: Exchange;
}): GuardedExchange {
  const aborts = new Set<(error: ProxyError) => void>();
  let stopped = false;

  // Asynchronous, so that a synchronous throw is a rejection as well.
  const call = async (request: ExchangeRequest, signal: AbortSignal): Promise<IssuedToken> =>
    deps.exchange(request, signal);

  return {
    get isStopped() {
      return stopped;
    },
    run: (request, deadlineMs) =>
      new Promise((resolve, reject) => {
        if (stopped) {
          reject(toShutdown());
          return;
        }
        const controller = new AbortController();
        const end = (): void => {
          cancelDeadline();
          aborts.delete(abort);
        };
        const abort = (error: ProxyError): void => {
          end();
          // Not left to the exchange: it may ignore the signal.
          reject(error);
          controller.abort(error);
        };
        const cancelDeadline = deps.clock.after(deadlineMs, () => abort(toTimeout(deadlineMs)));
        aborts.add(abort);
        call(request, controller.signal).then(
          (issued) => {
            end();
            resolve(issued);
          },
          (thrown: unknown) => {
            end();
            reject(toExchangeError(thrown));
          },
        );
      }),
    stop() {
      stopped = true;
      for (const abort of aborts) abort(toShutdown());
    },
  };
}

export function toShutdown(): ProxyError {
  return new ProxyError('ERR_SHUTTING_DOWN', 'the proxy is shutting down');
}

function toTimeout(deadlineMs: number): ProxyError {
  const message = `the exchange gave no answer within ${Math.round(deadlineMs / 1_000)} s`;
  return new ProxyError('ERR_TIMEOUT', message, { description: message });
}

/** Nothing vouches for the text of an error that is not ours, so it stays out of logs and answers. */
function toExchangeError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) {
    // Whether the proxy is shutting down is not the exchange's to say: it would be tried again at once.
    return thrown.code === 'ERR_SHUTTING_DOWN'
      ? new ProxyError('ERR_UNAVAILABLE', 'the exchange was aborted', {}, { cause: thrown })
      : thrown;
  }
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  const message = `the exchange failed with an unforeseen ${kind}`;
  return new ProxyError('ERR_INTERNAL', message, {}, { cause: thrown });
}
