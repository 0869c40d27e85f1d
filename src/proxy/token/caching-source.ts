import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import type { Exchange } from '../exchange.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createAgeClock } from './age-clock.ts';
import { createAssertionWatch } from './assertion-watch.ts';
import { type CacheStatus, toCacheStatus } from './cache-status.ts';
import type { Entry } from './entry.ts';
import { createEntryStore } from './entry-store.ts';
import { createFlights } from './flights.ts';
import { createGuardedExchange } from './guarded-exchange.ts';
import { type KeyStatus, toKeyStatuses } from './key-status.ts';
import {
  EXCHANGE_DEADLINE_MS,
  MAX_BACKGROUND,
  MAX_BYTES,
  MAX_ENTRIES,
  MAX_WITHOUT_TOKEN,
} from './policy.ts';
import { createRefreshLog } from './refresh-log.ts';
import { createRefreshSchedule } from './refresh-schedule.ts';
import { createServing } from './serving.ts';
import type { TokenSource } from './token-source.ts';

/** A cache of tokens in front of an exchange. */
export interface CachingSource extends TokenSource {
  status(): CacheStatus;
  /** Every key with its state, for people. */
  keys(): readonly KeyStatus[];
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

/** The bounds of `policy.ts`, which a test may narrow. */
export interface CacheLimits {
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  readonly maxBackgroundRefreshes?: number;
  readonly maxExchangesWithoutToken?: number;
  readonly exchangeDeadlineMs?: number;
}

/** Keeps the promise of docs/caching.md: one exchange per key at a time, renewed early, nothing expired served. */
export function createCachingSource(
  deps: CachingSourceDeps,
  limits: CacheLimits = {},
): CachingSource {
  const { clock, metrics, random = Math.random } = deps;
  const { maxEntries = MAX_ENTRIES, maxBytes = MAX_BYTES } = limits;
  const age = createAgeClock(clock, () => schedule.runSoon());
  const store = createEntryStore({ maxEntries, maxBytes });
  const log = createRefreshLog(deps.logger);
  const exchange = createGuardedExchange(deps);
  const flights = createFlights(
    {
      clock,
      age,
      store,
      exchange,
      assertions: createAssertionWatch(),
      metrics,
      log,
      random,
      onNewAssertion: () => forgetFailures(store.entries(), age.nowMs()),
      onLanded: () => schedule.run(),
    },
    {
      maxBackground: limits.maxBackgroundRefreshes ?? MAX_BACKGROUND,
      maxWithoutToken: limits.maxExchangesWithoutToken ?? MAX_WITHOUT_TOKEN,
      deadlineMs: limits.exchangeDeadlineMs ?? EXCHANGE_DEADLINE_MS,
    },
  );
  const schedule = createRefreshSchedule({ clock, age, store, log, flights });
  const serving = createServing({ clock, age, metrics, flights, onDeclined: schedule.runWithSlot });

  return {
    peek(key) {
      const entry = store.get(key);
      return entry && serving.now(entry, age.nowMs());
    },
    async get(request, { bypassCache = false } = {}) {
      // First, so that making room for one who is turned away costs nobody a token.
      if (store.get(request.key) === undefined) flights.assertRoom();
      const nowMs = age.nowMs();
      const entry = store.open(request, nowMs);
      const wantsNewer = bypassCache && serving.isBypassDue(entry, nowMs);
      const token = wantsNewer ? undefined : serving.now(entry, nowMs);
      return (
        token ?? serving.wait(entry, nowMs, { correlationId: request.correlationId, wantsNewer })
      );
    },
    status: () => toCacheStatus(store.entries(), age),
    keys: () => toKeyStatuses(store.entries(), age),
    stop() {
      schedule.stop();
      exchange.stop();
    },
  };
}

/**
 * With a new assertion, remembered failures no longer hold, and renewals that are due are tried at once. A
 * throttle stays: it is about us, not about what we present.
 */
function forgetFailures(entries: Iterable<Entry>, nowMs: number): void {
  for (const entry of entries) {
    if (entry.failure === undefined || entry.failure.error.code === 'ERR_THROTTLED') continue;
    entry.failure = {
      ...entry.failure,
      failures: 0,
      rememberedUntilMs: Math.min(entry.failure.rememberedUntilMs, nowMs),
      // A key that is due already keeps its place among the others.
      retryAtMs: Math.min(entry.failure.retryAtMs, nowMs),
    };
  }
}
