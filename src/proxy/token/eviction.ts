import { type Entry, isInUse } from './entry.ts';
import { MAX_CLIENT_SEATED, MAX_SPELLINGS_SEATED, NEWCOMER_SHARE } from './policy.ts';

/** How much the cache may hold. */
export interface Room {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/**
 * Which entry to evict for a new one; undefined if none may leave. First one without a token, then one
 * that is out of use, then one that has no seat and was asked for once, then any without a seat; among
 * equals the longest unused.
 *
 * Seats go to older keys before younger ones. So whoever asks for ever more names pushes out their own, and
 * no token that was there before: the rest of the room is for newcomers. Neither one client ID nor one
 * resource in many spellings can have all seats.
 * @param entries in the order in which they were made
 */
export function findVictim(
  entries: Iterable<Entry>,
  nowMs: number,
  room: Room,
  mayLeave: (entry: Entry) => boolean = () => true,
): Entry | undefined {
  const all = [...entries];
  const movable = all.filter((entry) => entry.flight === undefined && mayLeave(entry));
  const empty = movable.filter(({ held }) => held === undefined);
  if (empty.length > 0) return toLongestUnused(empty);
  const idle = movable.filter((entry) => !isInUse(entry, nowMs));
  if (idle.length > 0) return toLongestUnused(idle);
  const inUse = all.filter((entry) => isInUse(entry, nowMs));
  const seated = toSeated(inUse, room);
  const unseated = movable.filter((entry) => !seated.has(entry));
  const once = unseated.filter(({ uses }) => uses <= 1);
  return toLongestUnused(once.length > 0 ? once : unseated);
}

/** Those who have a seat among entries in use. */
function toSeated(inUse: readonly Entry[], { maxEntries, maxBytes }: Room): ReadonlySet<Entry> {
  const share = 1 - NEWCOMER_SHARE;
  let entriesLeft = Math.floor(maxEntries * share);
  let bytesLeft = maxBytes * share;
  const seated = new Set<Entry>();
  const counts = new Map<string, number>();
  const isTaken = (group: string, most: number): boolean => (counts.get(group) ?? 0) >= most;

  for (const entry of inUse) {
    const { identity, resource } = entry.request;
    const client = identity.clientId;
    const spelling = `${client}\n${toFolded(resource)}`;
    if (isTaken(client, MAX_CLIENT_SEATED) || isTaken(spelling, MAX_SPELLINGS_SEATED)) continue;
    const bytes = toBytes(entry);
    if (entriesLeft < 1 || bytesLeft < bytes) continue;
    entriesLeft -= 1;
    bytesLeft -= bytes;
    for (const group of [client, spelling]) counts.set(group, (counts.get(group) ?? 0) + 1);
    seated.add(entry);
  }
  return seated;
}

/** The bytes of a token, without those that every entry takes. A token is ASCII. */
export function toBytes({ held }: Entry): number {
  return held === undefined ? 0 : held.token.accessToken.length;
}

/** The same for all spellings that Entra accepts for one resource. */
function toFolded(resource: string): string {
  return resource.toLowerCase().replace(/\/+$/, '');
}

function toLongestUnused(entries: readonly Entry[]): Entry | undefined {
  let victim = entries[0];
  for (const entry of entries) {
    if (victim === undefined || entry.usedAtMs < victim.usedAtMs) victim = entry;
  }
  return victim;
}
