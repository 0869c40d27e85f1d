import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type Entry, toLastServableAtMs } from './entry.ts';
import type { Flights } from './flights.ts';
import { followClocks, type HeldToken } from './held-token.ts';
import { toRememberedError } from './negative-cache.ts';
import { PATIENCE_MS, toFreshness } from './refresh-policy.ts';
import { settledWithin } from './settled-within.ts';
import type { CacheResult, Token } from './token-source.ts';

/**
 * `bypass_cache` gets a token no older than this. Any process of the pod can send it in a loop: so that
 * costs Entra six exchanges a minute and key, and a burst costs one.
 */
const MIN_BYPASS_AGE_MS = 10_000;

/** How one entry answers its callers. */
export interface Serving {
  /** The token that may be handed out without waiting, if there is one; starts a refresh that is due. */
  now(entry: Entry, nowMs: number): Token | undefined;
  /** Whether a caller who asks for a newer token is to wait for one. */
  isBypassDue(entry: Entry, nowMs: number): boolean;
  /**
   * The token of the exchange that is running or is now begun; the cached one, if it still serves, when
   * that fails or takes long.
   * @throws ProxyError of the exchange, or of the last one if it is still remembered.
   */
  wait(entry: Entry, correlationId: string | undefined, nowMs: number): Promise<Token>;
}

export interface ServingDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly flights: Flights;
  /** Called when a token's times have changed with the clocks. */
  readonly onTimesChanged: () => void;
}

export function createServing({ clock, metrics, flights, onTimesChanged }: ServingDeps): Serving {
  /** The token of an entry, as old as both clocks say it is, unless it may not be served any longer. */
  const servableOf = (entry: Entry, nowMs: number): HeldToken | undefined => {
    if (entry.held === undefined) return undefined;
    const held = followClocks(entry.held, clock.epochMs(), nowMs);
    if (held !== entry.held) {
      entry.held = held;
      onTimesChanged();
    }
    return nowMs > toLastServableAtMs(held) ? undefined : held;
  };

  const serve = (entry: Entry, held: HeldToken, nowMs: number, result: CacheResult): Token => {
    entry.usedAtMs = nowMs;
    metrics.cache(result);
    return held.token;
  };

  return {
    now(entry, nowMs) {
      const held = servableOf(entry, nowMs);
      if (held === undefined) return undefined;
      switch (toFreshness(held.refreshAtMs, held.token.expiresAtMonotonicMs, nowMs)) {
        case 'fresh':
          return serve(entry, held, nowMs, 'hit');
        case 'stale-while-refresh':
          if (isRefreshDue(entry, nowMs)) flights.startBackground(entry);
          return serve(entry, held, nowMs, 'stale');
        case 'wait-for-refresh':
          if (isWorthWaiting(entry, nowMs)) return undefined;
          return serve(entry, held, nowMs, 'stale');
        case 'expired':
          return undefined;
      }
    },

    isBypassDue(entry, nowMs) {
      const held = servableOf(entry, nowMs);
      if (held === undefined || nowMs - held.receivedAtMs < MIN_BYPASS_AGE_MS) return false;
      return isWorthWaiting(entry, nowMs);
    },

    async wait(entry, correlationId, nowMs) {
      entry.usedAtMs = nowMs;
      const isServable = servableOf(entry, nowMs) !== undefined;
      if (!isServable) throwIfRemembered(entry, nowMs, metrics);
      const result = entry.flight === undefined ? 'miss' : 'coalesced';
      const flight = entry.flight ?? flights.start(entry, correlationId);
      if (isServable) {
        const patienceMs = flight.startedAtMs + PATIENCE_MS - nowMs;
        const early = await settledWithin(clock, flight.outcome, patienceMs);
        const thenMs = clock.monotonicMs();
        const held = servableOf(entry, thenMs);
        if (held !== undefined && early?.token === undefined) {
          return serve(entry, held, thenMs, 'stale');
        }
      }
      metrics.cache(result);
      const outcome = await flight.outcome;
      if (outcome.token === undefined) throw outcome.error;
      return outcome.token;
    },
  };
}

/** Whether an exchange may begin for a key whose token still serves. */
function isRefreshDue(entry: Entry, nowMs: number): boolean {
  return entry.flight === undefined && nowMs >= (entry.failure?.retryAtMs ?? 0);
}

/** Whether a caller who could be served a token right now may do better by waiting for a moment. */
function isWorthWaiting(entry: Entry, nowMs: number): boolean {
  return entry.flight === undefined
    ? isRefreshDue(entry, nowMs)
    : nowMs - entry.flight.startedAtMs < PATIENCE_MS;
}

function throwIfRemembered(entry: Entry, nowMs: number, metrics: Metrics): void {
  if (entry.flight !== undefined || entry.failure === undefined) return;
  const remainingMs = entry.failure.rememberedUntilMs - nowMs;
  if (remainingMs <= 0) return;
  metrics.cache('negative');
  throw toRememberedError(entry.failure.error, remainingMs);
}
