import type { Clock } from '../clock.ts';
import type { ProxyError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { AgeClock } from './age-clock.ts';
import { type Entry, findServable, toRenewalAtMs } from './entry.ts';
import { toToldError } from './failure-memory.ts';
import type { Flights } from './flights.ts';
import { type HeldToken, toToldTimes } from './held-token.ts';
import { MIN_BYPASS_AGE_MS, PATIENCE_MS } from './policy.ts';
import { toFreshness } from './renewal.ts';
import type { CacheResult, Token } from './token-source.ts';

/** How one entry answers its callers. */
export interface Serving {
  /** The token that may be handed out without waiting, if there is one; starts a refresh that is due. */
  now(entry: Entry, nowMs: number): Token | undefined;
  /** Whether a caller who asks for a newer token must wait for one. */
  isBypassDue(entry: Entry, nowMs: number): boolean;
  /**
   * The token of the exchange that is running or is now begun; the cached one, if it can still be served,
   * when that fails or takes long.
   * @throws ProxyError of the exchange, or of the last one if it is still remembered.
   */
  wait(entry: Entry, nowMs: number, wish: Wish): Promise<Token>;
}

/** What a caller who waits has asked for. */
export interface Wish {
  readonly correlationId: string | undefined;
  /** A newer token than the cached one, whatever its life. */
  readonly wantsNewer: boolean;
}

export interface ServingDeps {
  readonly clock: Clock;
  readonly age: AgeClock;
  readonly metrics: Metrics;
  readonly flights: Flights;
  /** Called when a renewal that is due has found no slot. */
  readonly onDeclined: () => void;
}

export function createServing({ clock, age, metrics, flights, onDeclined }: ServingDeps): Serving {
  const serve = (entry: Entry, held: HeldToken, nowMs: number, result: CacheResult): Token => {
    const told = toToldTimes(held, age.wallOffsetMs);
    if (told !== held) entry.held = told;
    entry.usedAtMs = nowMs;
    entry.uses += 1;
    metrics.cache(result);
    return told.token;
  };

  return {
    now(entry, nowMs) {
      const { held } = entry;
      if (held === undefined) return undefined;
      switch (toFreshness(held, nowMs)) {
        case 'fresh':
          return serve(entry, held, nowMs, 'hit');
        case 'stale-while-refresh':
          if (isRefreshDue(entry, nowMs) && !flights.startBackground(entry)) onDeclined();
          return serve(entry, held, nowMs, 'stale');
        case 'wait-for-refresh':
          if (isWorthWaiting(entry, nowMs)) return undefined;
          return serve(entry, held, nowMs, 'stale');
        case 'expired':
          return undefined;
      }
    },

    isBypassDue(entry, nowMs) {
      const held = findServable(entry, nowMs);
      if (held === undefined || nowMs - held.receivedAtMs < MIN_BYPASS_AGE_MS) return false;
      return isWorthWaiting(entry, nowMs);
    },

    async wait(entry, nowMs, { correlationId, wantsNewer }) {
      entry.usedAtMs = nowMs;
      const isServed = findServable(entry, nowMs) !== undefined;
      if (!isServed) throwIfRemembered(entry, nowMs, metrics);
      const result = entry.flight === undefined ? 'miss' : 'coalesced';
      const flight = entry.flight ?? flights.start(entry, correlationId);
      if (wantsNewer) flight.wantsNewer = true;
      if (isServed) {
        const patienceMs = flight.startedAtMs + PATIENCE_MS - nowMs;
        const early = await settledWithin(clock, flight.outcome, patienceMs);
        const thenMs = age.nowMs();
        const held = findServable(entry, thenMs);
        if (held !== undefined && early?.token === undefined) {
          return serve(entry, held, thenMs, 'stale');
        }
      }
      entry.uses += 1;
      metrics.cache(result);
      const outcome = await flight.outcome;
      if (outcome.token === undefined) throw toTold(outcome.error, entry, age.nowMs());
      return outcome.token;
    },
  };
}

/** Whether a renewal may begin. */
function isRefreshDue(entry: Entry, nowMs: number): boolean {
  return entry.flight === undefined && nowMs >= toRenewalAtMs(entry);
}

/** Whether a caller who could be served a token right now may do better by waiting for a moment. */
function isWorthWaiting(entry: Entry, nowMs: number): boolean {
  return entry.flight === undefined
    ? nowMs >= (entry.failure?.retryAtMs ?? 0)
    : nowMs - entry.flight.startedAtMs < PATIENCE_MS;
}

function throwIfRemembered(entry: Entry, nowMs: number, metrics: Metrics): void {
  if (entry.flight !== undefined || entry.failure === undefined) return;
  const remainingMs = entry.failure.rememberedUntilMs - nowMs;
  if (remainingMs <= 0) return;
  metrics.cache('negative');
  throw toToldError(entry.failure.error, remainingMs);
}

/** The failure of the exchange that a caller has waited for. Nothing is remembered of an outdated one. */
function toTold(error: ProxyError, { failure }: Entry, nowMs: number): ProxyError {
  return failure?.error === error ? toToldError(error, failure.rememberedUntilMs - nowMs) : error;
}

/** What `promise` becomes, or undefined if that takes longer than `delayMs`; the promise itself continues. */
async function settledWithin<T>(
  clock: Clock,
  promise: Promise<T>,
  delayMs: number,
): Promise<T | undefined> {
  let cancel = (): void => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(delayMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
