import type { Clock } from '../clock.ts';
import { ProxyError, toProxyError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { toRetryDelayMs } from './backoff.ts';
import { toCrowded } from './crowded.ts';
import {
  type Entry,
  type Failure,
  type Flight,
  type Outcome,
  toLastServableAtMs,
} from './entry.ts';
import { createExchangeCount } from './exchange-count.ts';
import type { GuardedExchange } from './guarded-exchange.ts';
import { type HeldToken, toHeldToken } from './held-token.ts';
import { toRememberedMs } from './negative-cache.ts';
import type { RefreshLog } from './refresh-log.ts';

/** Runs the exchanges of entries, one at a time for each, and writes what came of them into the entry. */
export interface Flights {
  /** @throws ProxyError with ERR_THROTTLED if no exchange may begin for a key without a token. */
  assertRoom(): void;
  /**
   * For a caller who will wait. The entry must have no flight.
   * @throws ProxyError with ERR_THROTTLED as `assertRoom` does; a key whose token still serves has room always.
   */
  start(entry: Entry, correlationId: string | undefined): Flight;
  /** Nobody waits: does nothing if too many of this kind are running. The entry must have no flight. */
  startBackground(entry: Entry): void;
}

export interface FlightDeps {
  readonly clock: Clock;
  readonly exchange: GuardedExchange;
  readonly metrics: Metrics;
  readonly log: RefreshLog;
  readonly random: () => number;
  /** Called when an entry has taken in what came of its flight. */
  readonly onLanded: () => void;
}

export interface FlightLimits {
  /** Exchanges nobody waits for. */
  readonly maxBackground: number;
  /** Exchanges of keys without a token that may be served. */
  readonly maxWithoutToken: number;
}

export function createFlights(
  deps: FlightDeps,
  { maxBackground, maxWithoutToken }: FlightLimits,
): Flights {
  const { clock, exchange, metrics, log, random } = deps;
  const count = createExchangeCount(metrics);
  let background = 0;
  let withoutToken = 0;

  const assertRoom = (): void => {
    if (withoutToken >= maxWithoutToken) throw toCrowded(withoutToken);
  };

  const start = (entry: Entry, isBackground: boolean, correlationId?: string): Flight => {
    const startedAtMs = clock.monotonicMs();
    const isWithoutToken = !isBackground && !hasServable(entry, startedAtMs);
    if (isWithoutToken) assertRoom();
    const askedOffsetMs = clock.epochMs() - startedAtMs;
    const toDurationMs = (): number => clock.monotonicMs() - startedAtMs;
    const outcome = exchange
      .run({ ...entry.request, correlationId })
      .then((issued): Outcome => {
        const held = toHeldToken(entry.request, issued, clock, askedOffsetMs, random());
        takeIn(entry, held);
        count.issued(issued, toDurationMs());
        if (isBackground) log.refreshed(entry, held, toDurationMs());
        return { token: held.token };
      })
      .catch((thrown: unknown): Outcome => {
        const error = toProxyError(thrown);
        // The end of the process says nothing about the key.
        if (error.code !== 'ERR_SHUTTING_DOWN') {
          recordFailure(entry, error);
          count.failed(error, toDurationMs());
        }
        return { error };
      })
      .finally(() => {
        entry.flight = undefined;
        if (isBackground) background -= 1;
        if (isWithoutToken) withoutToken -= 1;
        deps.onLanded();
      });
    if (isBackground) background += 1;
    if (isWithoutToken) withoutToken += 1;
    const flight: Flight = { startedAtMs, outcome };
    entry.flight = flight;
    return flight;
  };

  const takeIn = (entry: Entry, held: HeldToken): void => {
    const nowMs = clock.monotonicMs();
    const isCacheable = nowMs <= toLastServableAtMs(held);
    if (!isCacheable && hasServable(entry, nowMs)) {
      throw new ProxyError('ERR_UNAVAILABLE', 'Entra answered with a token about to expire');
    }
    const failure = entry.failure;
    entry.held = isCacheable ? held : undefined;
    entry.failure = undefined;
    if (failure?.reported) log.recovered(entry, failure);
  };

  const recordFailure = (entry: Entry, error: ProxyError): void => {
    const nowMs = clock.monotonicMs();
    const previous = entry.failure;
    const failures = (previous?.failures ?? 0) + 1;
    const retryInMs = toRetryDelayMs(error, failures, random());
    const isRefresh = hasServable(entry, nowMs);
    const failure: Failure = {
      error,
      failures,
      sinceMs: previous?.sinceMs ?? nowMs,
      atMs: nowMs,
      rememberedUntilMs: nowMs + toRememberedMs(error),
      retryAtMs: nowMs + retryInMs,
      reported: isRefresh || (previous?.reported ?? false),
    };
    entry.failure = failure;
    if (isRefresh) {
      metrics.refreshFailed(error.code);
      if (!previous?.reported || !isSameState(previous.error, error)) {
        log.failed(entry, failure, retryInMs);
      }
    }
  };

  return {
    assertRoom,
    start: (entry, correlationId) => start(entry, false, correlationId),
    startBackground(entry) {
      if (background < maxBackground) start(entry, true);
    },
  };
}

function hasServable(entry: Entry, nowMs: number): boolean {
  return entry.held !== undefined && nowMs <= toLastServableAtMs(entry.held);
}

/** Whether a failure is news to somebody who knows of the other. */
function isSameState(a: ProxyError, b: ProxyError): boolean {
  return a.code === b.code && a.details.aadsts === b.details.aadsts;
}
