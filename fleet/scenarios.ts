import { START_SPREAD_MS } from './assumptions.ts';
import type { EntraOptions, TokenKind } from './entra-model.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The token of an app registration, all with the same life. */
const hourToken: TokenKind = { lifetimeMs: HOUR_MS };
/** The token of a managed identity. */
const dayToken: TokenKind = { lifetimeMs: 24 * HOUR_MS, refreshInMs: 12 * HOUR_MS };

/** Something that happens to a whole fleet. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What happens, in a sentence or two. */
  readonly what: string;
  readonly entra: Omit<EntraOptions, 'limitPerSecond'>;
  /** When the pod with this number starts. @param share number ÷ number of pods, in [0, 1) */
  readonly toStartMs: (share: number, random: () => number) => number;
  /** When each pod is replaced, if it is. */
  readonly toReplacedMs?: (share: number) => number;
  /** Whether the time until the first token is of interest: the limit applies to it. */
  readonly isAboutStart?: boolean;
  /** Requests to Entra count from here to the end. */
  readonly fromMs: number;
  readonly toMs: number;
}

const together = (_share: number, random: () => number): number => random() * START_SPREAD_MS;
/** Tokens are issued to all within the half minute of the start, whatever the limit: it begins afterwards. */
const issuedMs = 2 * MINUTE_MS;

/** Pods that have started one after the other, within the life of a token. */
const steady = (share: number): number => share * HOUR_MS;
const steadyMs = HOUR_MS + 2 * MINUTE_MS;
const outageFromMs = 2 * HOUR_MS;

export const scenarios: readonly Scenario[] = [
  {
    name: 'restart',
    title: 'All pods restart at once',
    what: 'Every pod starts within 30 s and its application asks for a token at once.',
    entra: { token: hourToken },
    toStartMs: together,
    isAboutStart: true,
    fromMs: 0,
    toMs: 15 * MINUTE_MS,
  },
  {
    name: 'roll',
    title: 'A deployment rolls',
    what: 'In a fleet whose tokens have been issued together, every pod is replaced by a new one, in turn, within half an hour.',
    entra: { token: dayToken, limitFromMs: issuedMs },
    toStartMs: together,
    toReplacedMs: (share) => HOUR_MS + share * 30 * MINUTE_MS,
    isAboutStart: true,
    fromMs: issuedMs,
    toMs: 14 * HOUR_MS,
  },
  {
    name: 'expire-hour',
    title: 'Tokens of an hour expire together',
    what: 'All tokens have been issued within half a minute and live an hour. Four renewals.',
    entra: { token: hourToken, limitFromMs: issuedMs },
    toStartMs: together,
    fromMs: issuedMs,
    toMs: 4 * HOUR_MS,
  },
  {
    name: 'expire-day',
    title: 'Tokens of a day expire together',
    what: 'All tokens have been issued within half a minute and live a day. Two renewals.',
    entra: { token: dayToken, limitFromMs: issuedMs },
    toStartMs: together,
    fromMs: issuedMs,
    toMs: 26 * HOUR_MS,
  },
  {
    name: 'outage-10-min',
    title: 'An outage of 10 minutes ends',
    what: 'A fleet in its stride: tokens of an hour, as many expire in one minute as in any other.',
    entra: {
      token: hourToken,
      limitFromMs: steadyMs,
      outage: { fromMs: outageFromMs, toMs: outageFromMs + 10 * MINUTE_MS },
    },
    toStartMs: steady,
    fromMs: outageFromMs,
    toMs: outageFromMs + 90 * MINUTE_MS,
  },
  {
    name: 'outage-2-h',
    title: 'An outage of 2 hours ends',
    what: 'The same with an outage that outlives every token.',
    entra: {
      token: hourToken,
      limitFromMs: steadyMs,
      outage: { fromMs: outageFromMs, toMs: outageFromMs + 2 * HOUR_MS },
    },
    toStartMs: steady,
    fromMs: outageFromMs,
    toMs: outageFromMs + 4 * HOUR_MS,
  },
];
