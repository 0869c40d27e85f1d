import { repeatLimits } from '../src/proxy/repeat-limit.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const MIB = 1_024 * 1_024;

/** The promises that are held under random faults. docs/caching.md has the same numbers; a test compares them. */
export const promises = {
  /** A token with this much life is served at once. */
  comfortableMs: 330 * SECOND_MS,
  /** A token with less is not served from the cache. */
  servableMs: 30 * SECOND_MS,
  /** Every caller has an answer by then. */
  answerMs: 30 * SECOND_MS,
  entries: 256,
  /** POSTs to Entra for each key in a minute. */
  postsPerMinute: 60,
  /** Lines of level info and above for each key in a minute. */
  linesPerMinute: 10,
  /** After the end of the last fault, callers get tokens. */
  healedMs: 2 * MINUTE_MS,
  /** … and no renewal of a key in use fails any more. */
  renewedMs: 7 * MINUTE_MS,
} as const;

/** What else is held when the built proxy runs in real time. docs/caching.md has these as well. */
export const realPromises = {
  /** What a busy machine may add to each of the times. An answer that does not wait takes no more than this. */
  busyMs: 5 * SECOND_MS,
  /** A connection whose request does not become complete is closed by then. */
  wholeRequestMs: 10 * SECOND_MS,
  /** Log lines about requests of one kind that were not served, in a minute: three periods of the proxy's limit. */
  refusalLinesPerMinute: 3 * (repeatLimits.lines + 1),
  /** Log lines of one start. */
  startLines: 10,
  /** Memory of the process, without the pages of files: the limit of the manifests. */
  memoryBytes: 128 * MIB,
  /** Open descriptors, while callers open as many connections as they like. */
  descriptors: 3_000,
  /** Open descriptors after all has healed. */
  descriptorsAtRest: 100,
} as const;
