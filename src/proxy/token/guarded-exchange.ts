import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Exchange, ExchangeRequest, IssuedToken } from '../exchange.ts';

/** Runs exchanges so that each of them ends, whatever the exchange function does. */
export interface GuardedExchange {
  /**
   * @throws ProxyError, always: the exchange's own, ERR_TIMEOUT at the deadline, ERR_SHUTTING_DOWN when
   * stopped, ERR_INTERNAL for anything else that was thrown.
   */
  run(request: ExchangeRequest): Promise<IssuedToken>;
  /** Aborts what is running, telling everybody who waits for it at once, and runs no more. */
  stop(): void;
}

/** @param deadlineMs later than any deadline of a sound exchange: this one is for an unsound one. */
export function createGuardedExchange(
  deps: { readonly clock: Clock; readonly exchange: Exchange },
  deadlineMs: number,
): GuardedExchange {
  const aborts = new Set<(error: ProxyError) => void>();
  let stopped = false;

  // Asynchronous, so that a synchronous throw is a rejection as well.
  const call = async (request: ExchangeRequest, signal: AbortSignal): Promise<IssuedToken> =>
    deps.exchange(request, signal);

  return {
    run: (request) =>
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
          // Not left to the exchange: it may not heed the signal.
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

function toTimeout(deadlineMs: number): ProxyError {
  const message = `the exchange gave no answer within ${deadlineMs / 1_000} s`;
  return new ProxyError('ERR_TIMEOUT', message, { description: message });
}

function toShutdown(): ProxyError {
  return new ProxyError('ERR_SHUTTING_DOWN', 'the proxy is shutting down');
}

/** Nothing vouches for the text of an error that is not ours, so it stays out of logs and answers. */
function toExchangeError(thrown: unknown): ProxyError {
  if (thrown instanceof ProxyError) return thrown;
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  const message = `the exchange failed with an unforeseen ${kind}`;
  return new ProxyError('ERR_INTERNAL', message, {}, { cause: thrown });
}
