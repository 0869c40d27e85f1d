import type { Identity } from '../exchange.ts';
import type { AgeClock } from './age-clock.ts';
import { type FailingKey, findFailing } from './cache-status.ts';
import { type Entry, findNextRenewalAtMs, findServable } from './entry.ts';
import { toToldTimes } from './held-token.ts';

/** One key of the cache, for people. Wall-clock seconds; never the token. */
export interface KeyStatus {
  readonly identity: Identity;
  readonly resource: string;
  /** Undefined without a token that may be served. */
  readonly expiresAtSeconds: number | undefined;
  /** When the cache renews the token by itself; undefined if it will not. */
  readonly nextRenewalAtSeconds: number | undefined;
  readonly isExchanging: boolean;
  readonly failing: FailingKey | undefined;
}

/** Every key, the one that was used last first. Reading changes nothing. */
export function toKeyStatuses(entries: Iterable<Entry>, age: AgeClock): readonly KeyStatus[] {
  const nowMs = age.nowMs();
  return [...entries]
    .toSorted((a, b) => b.usedAtMs - a.usedAtMs)
    .map((entry) => {
      const held = findServable(entry, nowMs);
      const renewalAtMs = findNextRenewalAtMs(entry, nowMs);
      return {
        identity: entry.request.identity,
        resource: entry.request.resource,
        expiresAtSeconds: held && toToldTimes(held, age.wallOffsetMs).token.expiresAtSeconds,
        nextRenewalAtSeconds:
          renewalAtMs === undefined
            ? undefined
            : Math.floor((renewalAtMs + age.wallOffsetMs) / 1_000),
        isExchanging: entry.flight !== undefined,
        failing: findFailing(entry, age, nowMs),
      };
    });
}
