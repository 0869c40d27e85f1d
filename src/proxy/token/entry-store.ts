import type { ExchangeRequest } from '../exchange.ts';
import { toCrowded } from './crowded.ts';
import type { Entry } from './entry.ts';

/** The entries by key, never more than a fixed number. */
export interface EntryStore {
  get(key: string): Entry | undefined;
  /**
   * The entry of a key, made if need be at the cost of the least useful one: failures go before tokens,
   * and among equals the longest unused.
   * @throws ProxyError with ERR_THROTTLED if an exchange is running for every entry.
   */
  open(key: string, request: ExchangeRequest): Entry;
  entries(): Iterable<Entry>;
  /** Forgets every entry that `isSpent` says is of no use. */
  purge(isSpent: (entry: Entry) => boolean): void;
}

export function createEntryStore(maxEntries: number): EntryStore {
  const entries = new Map<string, Entry>();

  const evictOne = (): void => {
    let victim: string | undefined;
    let victimRank = Number.POSITIVE_INFINITY;
    for (const [key, entry] of entries) {
      if (entry.flight !== undefined) continue;
      // Every entry without a token ranks below every entry with one.
      const rank =
        entry.held === undefined ? entry.usedAtMs - Number.MAX_SAFE_INTEGER : entry.usedAtMs;
      if (rank >= victimRank) continue;
      victim = key;
      victimRank = rank;
    }
    if (victim === undefined) throw toCrowded(maxEntries);
    entries.delete(victim);
  };

  return {
    get: (key) => entries.get(key),
    open(key, request) {
      const known = entries.get(key);
      if (known !== undefined) return known;
      if (entries.size >= maxEntries) evictOne();
      const entry: Entry = {
        request: {
          identity: {
            clientId: request.identity.clientId.toLowerCase(),
            tenantId: request.identity.tenantId.toLowerCase(),
          },
          resource: request.resource,
        },
        held: undefined,
        usedAtMs: Number.NEGATIVE_INFINITY,
        flight: undefined,
        failure: undefined,
      };
      entries.set(key, entry);
      return entry;
    },
    entries: () => entries.values(),
    purge(isSpent) {
      for (const [key, entry] of entries) {
        if (isSpent(entry)) entries.delete(key);
      }
    },
  };
}
