import type { Clock } from '../clock.ts';
import { type ProxyError, toProxyError } from '../errors.ts';
import type { ExchangeRequest } from '../exchange.ts';
import { type Metrics, toExchangeFailure } from '../metrics/metrics.ts';
import type { AgeClock } from './age-clock.ts';
import type { AssertionWatch } from './assertion-watch.ts';
import {
  type Entry,
  type Failure,
  type FailureKind,
  type Flight,
  findServable,
  type Outcome,
} from './entry.ts';
import { type EntryStore, toCrowded } from './entry-store.ts';
import { toRememberedMs, toRetryDelayMs } from './failure-memory.ts';
import { type GuardedExchange, toShutdown } from './guarded-exchange.ts';
import { type HeldToken, toHeldToken, toKept, toUseless } from './held-token.ts';
import { MIN_CLOCK_STEP_MS, SLOT_HELD_MS, WAIT_BELOW_MS } from './policy.ts';
import type { RefreshLog } from './refresh-log.ts';
import { isServable, toLastServableAtMs } from './renewal.ts';

/** Runs the exchanges of entries, one at a time for each, and writes their results into the entry. */
export interface Flights {
  /**
   * @throws ProxyError with ERR_THROTTLED if no exchange may begin for a key without a token, with
   * ERR_SHUTTING_DOWN after the end.
   */
  assertRoom(): void;
  /**
   * For a caller who will wait. The entry must have no flight.
   * @throws ProxyError as `assertRoom` does; a key whose token can be served always has room.
   */
  start(entry: Entry, correlationId: string | undefined): Flight;
  /**
   * Nobody waits. The entry must have no flight.
   * @returns false if all slots for this are taken: nothing has begun then.
   */
  startBackground(entry: Entry): boolean;
  /** When the next slot for the background is free if no exchange ends before. */
  nextSlotAtMs(): number;
}

export interface FlightDeps {
  readonly clock: Clock;
  readonly age: AgeClock;
  readonly store: EntryStore;
  readonly exchange: GuardedExchange;
  readonly assertions: AssertionWatch;
  readonly metrics: Metrics;
  readonly log: RefreshLog;
  readonly random: () => number;
  /** Called when a new assertion was presented, before the result is written down. */
  readonly onNewAssertion: () => void;
  /** Called when an entry has the result of its flight. */
  readonly onLanded: () => void;
}

export interface FlightLimits {
  /** Slots for exchanges nobody waits for. */
  readonly maxBackground: number;
  /** Exchanges of keys without a token that may be served. */
  readonly maxWithoutToken: number;
  readonly deadlineMs: number;
}

export function createFlights(deps: FlightDeps, limits: FlightLimits): Flights {
  const { clock, age, store, exchange, assertions, metrics, log, random } = deps;
  /** When those in the background began, the first to begin first. */
  const background = new Set<{ readonly startedAtMs: number }>();
  let withoutToken = 0;

  const assertRoom = (): void => {
    if (exchange.isStopped) throw toShutdown();
    if (withoutToken >= limits.maxWithoutToken) throw toCrowded(withoutToken);
  };

  /** How long the machine has been suspended so far, as far as the clocks tell. */
  const toSuspendedMs = (): number => age.nowMs() - clock.monotonicMs();

  const see = (assertionExpiresAtSeconds: number | undefined): void => {
    if (assertions.see(assertionExpiresAtSeconds, age.nowMs())) deps.onNewAssertion();
  };

  const countFailure = ({ code, details }: ProxyError, durationMs: number): void => {
    metrics.exchange(toExchangeFailure(code), durationMs, details.aadsts);
    // An assertion whose expiry is known has been read: it is only of no use any longer.
    if (code === 'ERR_ASSERTION' && details.assertionExpiresAtSeconds === undefined) {
      metrics.assertionReadError();
    }
  };

  const obtain = async (request: ExchangeRequest, correlationId: string | undefined) => {
    const { identity, resource } = request;
    const deadlineAtMs = clock.monotonicMs() + limits.deadlineMs;
    for (let isLast = false; ; isLast = true) {
      const suspendedBeforeMs = toSuspendedMs();
      const leftMs = deadlineAtMs - clock.monotonicMs();
      const issued = await exchange.run({ identity, resource, correlationId }, leftMs);
      see(issued?.assertionExpiresAtSeconds);
      const suspendedMs = toSuspendedMs() - suspendedBeforeMs;
      const held = toHeldToken(request, issued, age, suspendedMs, random());
      const nowMs = age.nowMs();
      if (isServable(held, nowMs)) return held;
      // The wall clock was set forward during the exchange, by so much that the token has expired if that
      // was a suspension. It has not if it was a correction: asking once more is right for both.
      if (!isLast && suspendedMs > MIN_CLOCK_STEP_MS) continue;
      if (held.expiresAtMs <= nowMs) throw toUseless('a token that has no life left');
      return held;
    }
  };

  const run = async (
    entry: Entry,
    flight: Omit<Flight, 'outcome'>,
    isBackground: boolean,
    correlationId?: string,
  ): Promise<Outcome> => {
    const startedMs = clock.monotonicMs();
    const toDurationMs = (): number => clock.monotonicMs() - startedMs;
    try {
      const held = await obtain(entry.request, correlationId);
      const isTaken = takeIn(entry, held, flight.wantsNewer);
      metrics.exchange('success', toDurationMs());
      if (isBackground && isTaken) log.refreshed(entry, held, toDurationMs());
      return { token: held.token };
    } catch (thrown) {
      const error = toProxyError(thrown);
      // The end of the process says nothing about the key.
      if (error.code !== 'ERR_SHUTTING_DOWN') {
        see(error.details.assertionExpiresAtSeconds);
        countFailure(error, toDurationMs());
        if (!assertions.isOutdated(error, flight.startedAtMs)) recordFailure(entry, error);
      }
      return { error };
    }
  };

  const start = (entry: Entry, isBackground: boolean, correlationId?: string): Flight => {
    const startedAtMs = age.nowMs();
    const isWithoutToken = !isBackground && findServable(entry, startedAtMs) === undefined;
    if (isWithoutToken) assertRoom();
    const begun = { startedAtMs, wantsNewer: false };
    const outcome = run(entry, begun, isBackground, correlationId).finally(() => {
      entry.flight = undefined;
      if (isBackground) background.delete(begun);
      if (isWithoutToken) withoutToken -= 1;
      deps.onLanded();
    });
    if (isBackground) background.add(begun);
    if (isWithoutToken) withoutToken += 1;
    const flight: Flight = Object.assign(begun, { outcome });
    entry.flight = flight;
    return flight;
  };

  /** @returns whether the token took the place of the one that was there. */
  const takeIn = (entry: Entry, held: HeldToken, wantsNewer: boolean): boolean => {
    const nowMs = age.nowMs();
    const current = findServable(entry, nowMs);
    const canServe = isServable(held, nowMs);
    if (current !== undefined && !canServe) throw toUseless('a token about to expire');
    const isBetter =
      current === undefined ||
      held.expiresAtMs >= current.expiresAtMs ||
      (wantsNewer && held.expiresAtMs - nowMs >= WAIT_BELOW_MS);
    const { failure } = entry;
    entry.failure = undefined;
    if (failure?.reported) log.recovered(entry, failure);
    if (canServe && isBetter && store.hold(entry, held, nowMs)) return true;
    entry.held = current && toKept(current, nowMs, random());
    if (current !== undefined) log.kept(entry, held);
    return false;
  };

  const recordFailure = (entry: Entry, error: ProxyError): void => {
    const nowMs = age.nowMs();
    const kind = toKind(entry, nowMs);
    // An earlier failure of a caller's wish for a newer token does not count against a renewal.
    const previous =
      kind === 'renewal' && entry.failure?.kind === 'early' ? undefined : entry.failure;
    const failures = (previous?.failures ?? 0) + 1;
    const held = findServable(entry, nowMs);
    const servableMs = held === undefined ? 0 : toLastServableAtMs(held) - nowMs;
    const sinceMs = previous?.sinceMs ?? nowMs;
    const failingMs = nowMs - sinceMs;
    const facts = { error, failures, failingMs, servableMs, random: random() };
    const failure: Failure = {
      error,
      kind,
      failures,
      sinceMs,
      atMs: nowMs,
      rememberedUntilMs: nowMs + toRememberedMs(facts),
      retryAtMs: nowMs + toRetryDelayMs(facts),
      reported: kind === 'renewal' || (previous?.reported ?? false),
    };
    entry.failure = failure;
    if (kind === 'early') log.refused(entry, failure, nowMs);
    if (kind !== 'renewal') return;
    metrics.refreshFailed(error.code);
    if (!previous?.reported || !isSameState(previous.error, error)) {
      log.failed(entry, failure, nowMs);
    }
  };

  const holdsSlot = ({ startedAtMs }: { readonly startedAtMs: number }, nowMs: number): boolean =>
    nowMs - startedAtMs < SLOT_HELD_MS;

  return {
    assertRoom,
    start: (entry, correlationId) => start(entry, false, correlationId),
    startBackground(entry) {
      const nowMs = age.nowMs();
      let taken = 0;
      for (const flight of background) if (holdsSlot(flight, nowMs)) taken += 1;
      if (taken >= limits.maxBackground) return false;
      start(entry, true);
      return true;
    },
    nextSlotAtMs() {
      const nowMs = age.nowMs();
      for (const flight of background) {
        if (holdsSlot(flight, nowMs)) return flight.startedAtMs + SLOT_HELD_MS;
      }
      return nowMs;
    },
  };
}

function toKind(entry: Entry, nowMs: number): FailureKind {
  const held = findServable(entry, nowMs);
  if (held === undefined) return 'cold';
  return nowMs < held.refreshAtMs ? 'early' : 'renewal';
}

/** Whether a failure is news to somebody who knows of the other. */
function isSameState(a: ProxyError, b: ProxyError): boolean {
  return a.code === b.code && a.details.aadsts === b.details.aadsts;
}
