import type { ErrorCode } from '../errors.ts';
import { toExchangeResult } from '../token/exchange-count.ts';
import type { CacheResult } from '../token/token-source.ts';
import { createHistogram, type Histogram, type HistogramSnapshot } from './histogram.ts';
import type { DenyReason, ExchangeResult, Metrics, Route } from './metrics.ts';

/** How many answers had one status. */
export interface CodeCount {
  readonly code: number;
  readonly count: number;
}

/** All counters at one moment. */
export interface MetricsSnapshot {
  readonly requestsInFlight: number;
  readonly requests: Readonly<Record<Route, readonly CodeCount[]>>;
  readonly requestDurations: Readonly<Record<Route, HistogramSnapshot>>;
  readonly denied: Readonly<Record<DenyReason, number>>;
  readonly cache: Readonly<Record<CacheResult, number>>;
  readonly exchanges: Readonly<Record<ExchangeResult, number>>;
  readonly exchangeDuration: HistogramSnapshot;
  readonly refreshFailures: Readonly<Record<RefreshFailure, number>>;
  readonly passthrough: readonly CodeCount[];
  /** Undefined until an assertion has been read. */
  readonly assertionExpiresAtSeconds: number | undefined;
  readonly assertionReadErrors: number;
}

/** Why a background refresh failed. */
export type RefreshFailure = Exclude<ExchangeResult, 'success'>;

/** Metrics that can be read. */
export interface Counters extends Metrics {
  snapshot(): MetricsSnapshot;
}

/**
 * Counts in plain numbers, so that an answer from the cache costs neither an allocation nor a library;
 * what it takes to show them is loaded by the first scrape.
 */
export function createMetrics(): Counters {
  const routes = {
    token: createRoute(),
    readyz: createRoute(),
    passthrough: createRoute(),
    other: createRoute(),
  } satisfies Record<Route, RouteCounters>;
  const denied = {
    metadata_header: 0,
    forwarded: 0,
    host: 0,
    identity_header: 0,
    method: 0,
    path: 0,
    allow_list: 0,
    loop: 0,
  } satisfies Record<DenyReason, number>;
  const cache = { hit: 0, stale: 0, miss: 0, coalesced: 0, negative: 0 } satisfies Record<
    CacheResult,
    number
  >;
  const refreshFailures = {
    throttled: 0,
    rejected: 0,
    unavailable: 0,
    timeout: 0,
    assertion_error: 0,
    internal_error: 0,
  } satisfies Record<RefreshFailure, number>;
  const exchanges = { success: 0, ...refreshFailures } satisfies Record<ExchangeResult, number>;
  const exchangeDuration = createHistogram();
  const passthrough = createCodeCounter();
  let requestsInFlight = 0;
  let assertionExpiresAtSeconds: number | undefined;
  let assertionReadErrors = 0;

  return {
    requestStarted() {
      requestsInFlight += 1;
    },
    requestFinished(route, status, durationMs) {
      requestsInFlight -= 1;
      routes[route].codes.add(status);
      routes[route].durations.observe(durationMs);
    },
    denied(reason) {
      denied[reason] += 1;
    },
    cache(result) {
      cache[result] += 1;
    },
    exchange(result, durationMs) {
      exchanges[result] += 1;
      exchangeDuration.observe(durationMs);
    },
    refreshFailed(code: ErrorCode) {
      const result = toExchangeResult(code);
      if (result !== 'success') refreshFailures[result] += 1;
    },
    passthrough(status) {
      passthrough.add(status);
    },
    assertionSeen(expiresAtSeconds) {
      assertionExpiresAtSeconds = expiresAtSeconds;
    },
    assertionReadError() {
      assertionReadErrors += 1;
    },
    snapshot: () => ({
      requestsInFlight,
      requests: {
        token: routes.token.codes.snapshot(),
        readyz: routes.readyz.codes.snapshot(),
        passthrough: routes.passthrough.codes.snapshot(),
        other: routes.other.codes.snapshot(),
      },
      requestDurations: {
        token: routes.token.durations.snapshot(),
        readyz: routes.readyz.durations.snapshot(),
        passthrough: routes.passthrough.durations.snapshot(),
        other: routes.other.durations.snapshot(),
      },
      denied: { ...denied },
      cache: { ...cache },
      exchanges: { ...exchanges },
      exchangeDuration: exchangeDuration.snapshot(),
      refreshFailures: { ...refreshFailures },
      passthrough: passthrough.snapshot(),
      assertionExpiresAtSeconds,
      assertionReadErrors,
    }),
  };
}

interface RouteCounters {
  readonly codes: CodeCounter;
  readonly durations: Histogram;
}

function createRoute(): RouteCounters {
  return { codes: createCodeCounter(), durations: createHistogram() };
}

interface CodeCounter {
  add(code: number): void;
  snapshot(): readonly CodeCount[];
}

/** The statuses that HTTP has; 999 is the greatest that Node lets through. */
const codeLimit = 1_000;

function createCodeCounter(): CodeCounter {
  const counts = new Float64Array(codeLimit);
  return {
    add(code) {
      counts[code] = (counts[code] ?? 0) + 1;
    },
    snapshot() {
      const seen: CodeCount[] = [];
      for (const [code, count] of counts.entries()) if (count > 0) seen.push({ code, count });
      return seen;
    },
  };
}
