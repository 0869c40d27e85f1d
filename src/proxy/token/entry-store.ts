import { ProxyError } from '../errors.ts';
import type { Entry } from './entry.ts';
import { findVictim, type Room, toBytes } from './eviction.ts';
import type { HeldToken } from './held-token.ts';
import type { KeyedRequest } from './token-source.ts';

/** The entries by key, never more than a fixed number of them and of bytes in their tokens. */
export interface EntryStore {
  get(key: string): Entry | undefined;
  /**
   * The entry of a key, made if need be at the cost of another.
   * @throws ProxyError with ERR_THROTTLED if none may leave.
   */
  open(request: KeyedRequest, nowMs: number): Entry;
  /**
   * Puts a token into its entry in place of the one that is there, at the cost of others if need be.
   * @returns false if it does not fit; the entry is as before then.
   */
  hold(entry: Entry, held: HeldToken, nowMs: number): boolean;
  entries(): Iterable<Entry>;
  /** Forgets every entry that `isSpent` says is of no use. */
  purge(isSpent: (entry: Entry) => boolean): void;
}

export function createEntryStore(room: Room): EntryStore {
  const entries = new Map<string, Entry>();

  const sumBytes = (): number => {
    let sum = 0;
    for (const entry of entries.values()) sum += toBytes(entry);
    return sum;
  };

  return {
    get: (key) => entries.get(key),
    open({ key, identity, resource }, nowMs) {
      const known = entries.get(key);
      if (known !== undefined) return known;
      if (entries.size >= room.maxEntries) {
        const victim = findVictim(entries.values(), nowMs, room);
        if (victim === undefined) throw toCrowded(entries.size);
        entries.delete(victim.request.key);
      }
      const entry: Entry = {
        request: { key, identity, resource },
        held: undefined,
        usedAtMs: Number.NEGATIVE_INFINITY,
        uses: 0,
        flight: undefined,
        failure: undefined,
      };
      entries.set(key, entry);
      return entry;
    },
    hold(entry, held, nowMs) {
      const addedBytes = held.token.accessToken.length - toBytes(entry);
      const isOther = (other: Entry): boolean => other !== entry && other.held !== undefined;
      while (sumBytes() + addedBytes > room.maxBytes) {
        const victim = findVictim(entries.values(), nowMs, room, isOther);
        if (victim === undefined) return false;
        entries.delete(victim.request.key);
      }
      entry.held = held;
      return true;
    },
    entries: () => entries.values(),
    purge(isSpent) {
      for (const entry of entries.values()) {
        if (isSpent(entry)) entries.delete(entry.request.key);
      }
    },
  };
}

/** What a caller is told whose exchange would be one too many. @param running how many there are */
export function toCrowded(running: number): ProxyError {
  return new ProxyError('ERR_THROTTLED', `${running} exchanges are running already`, {
    description: `Microsoft Entra is being asked for ${running} other tokens already`,
    retryAfterSeconds: 1,
  });
}
