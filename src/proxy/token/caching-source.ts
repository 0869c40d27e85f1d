import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { assertKeyable, toCacheKey } from './cache-key.ts';
import { type CacheStatus, toCacheStatus } from './cache-status.ts';
import { createEntryStore } from './entry-store.ts';
import { createFlights } from './flights.ts';
import { createGuardedExchange } from './guarded-exchange.ts';
import { createRefreshLog } from './refresh-log.ts';
import { createRefreshSchedule } from './refresh-schedule.ts';
import { createServing } from './serving.ts';
import type { TokenSource } from './token-source.ts';

/** A cache of tokens in front of an exchange. */
export interface CachingSource extends TokenSource {
  status(): CacheStatus;
  /**
   * To be called when what an exchange presents has changed (assertion, CA): remembered failures no longer
   * hold and failing refreshes are due at once. A throttle stays, for it is about us and not about that.
   */
  forgetFailures(): void;
  /** Aborts exchanges, failing those who wait with ERR_SHUTTING_DOWN, and starts no more. Cached tokens still serve. */
  stop(): void;
}

export interface CachingSourceDeps {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random?: () => number;
}

export interface CacheLimits {
  /** Keys; with tokens of 2 KB the default is about half a megabyte. */
  readonly maxEntries?: number;
  /** Refreshes nobody waits for that may run at once, so that they leave the exchanger to those who do. */
  readonly maxBackgroundRefreshes?: number;
  /**
   * Exchanges of keys without a token that may run at once. Whoever asks for ever more names while Entra
   * hangs must not push out the tokens that are in use, nor fill the exchanger: so this is a part of the
   * entries only, and still far more identities and resources than a pod begins with.
   */
  readonly maxExchangesWithoutToken?: number;
  /** After this an exchange is given up, whatever became of its own deadlines. */
  readonly exchangeDeadlineMs?: number;
}

/** Keeps the cache promise: one exchange per key at a time, refreshed early, nothing expired ever served. */
export function createCachingSource(
  deps: CachingSourceDeps,
  limits: CacheLimits = {},
): CachingSource {
  const { clock, metrics, random = Math.random } = deps;
  const {
    maxEntries = 256,
    maxBackgroundRefreshes = 4,
    maxExchangesWithoutToken = 64,
    exchangeDeadlineMs = 30_000,
  } = limits;
  const store = createEntryStore(maxEntries);
  const log = createRefreshLog(deps.logger);
  const exchange = createGuardedExchange(deps, exchangeDeadlineMs);
  const flights = createFlights(
    { clock, exchange, metrics, log, random, onLanded: () => schedule.run() },
    { maxBackground: maxBackgroundRefreshes, maxWithoutToken: maxExchangesWithoutToken },
  );
  const schedule = createRefreshSchedule({ clock, store, log, flights });
  const serving = createServing({ clock, metrics, flights, onTimesChanged: schedule.runSoon });

  return {
    peek(key) {
      const entry = store.get(key);
      return entry && serving.now(entry, clock.monotonicMs());
    },
    async get(request, { bypassCache = false } = {}) {
      assertKeyable(request);
      const key = toCacheKey(request);
      // First, so that making room for one who is turned away costs nobody a token.
      if (store.get(key) === undefined) flights.assertRoom();
      const entry = store.open(key, request);
      const nowMs = clock.monotonicMs();
      const token =
        bypassCache && serving.isBypassDue(entry, nowMs) ? undefined : serving.now(entry, nowMs);
      return token ?? serving.wait(entry, request.correlationId, nowMs);
    },
    status: () => toCacheStatus(store.entries(), clock),
    forgetFailures() {
      const nowMs = clock.monotonicMs();
      for (const entry of store.entries()) {
        if (entry.failure === undefined || entry.failure.error.code === 'ERR_THROTTLED') continue;
        entry.failure = { ...entry.failure, rememberedUntilMs: nowMs, retryAtMs: nowMs };
      }
      schedule.run();
    },
    stop() {
      schedule.stop();
      exchange.stop();
    },
  };
}
