/**
 * docs/caching.md names numbers; here each of them is found out from what the code does. A row without a
 * measurement fails as well as a measurement without a row.
 */
import { describe, expect, test } from 'vitest';
import {
  ATTEMPT_BUDGET_MS,
  EXCHANGE_BUDGET_MS,
  type RetryClass,
  toNextStep,
} from '../../../src/proxy/entra/exchange/retry.ts';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import { toRetryAfterMs, toRetryDelayMs } from '../../../src/proxy/token/backoff.ts';
import { toRememberedMs } from '../../../src/proxy/token/negative-cache.ts';
import { toFreshness, toRefreshDelayMs } from '../../../src/proxy/token/refresh-policy.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { createHarness, toRequest } from '../../unit/token/harness.ts';
import { documentOf, toRows } from './documents.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

type Measure = () => string | Promise<string>;

const measures: Readonly<Record<string, Measure>> = {
  'Life that a token must have left to be served from the cache': () =>
    duration(firstWhere((leftMs) => toFreshness(hour, leftMs, 0) !== 'expired')),
  'Life below which a caller waits for the renewal that is running or due': () =>
    duration(firstWhere((leftMs) => toFreshness(0, leftMs, 0) === 'stale-while-refresh')),
  'How long it waits at most, counted from the start of the exchange, before it gets the held token':
    measurePatience,
  'Age that a token must have for `bypass_cache=true` to get a newer one': measureBypassAge,

  'When a token that lives an hour is renewed': () => after(toRefreshDelayMs(hour, undefined, 0)),
  'When a token that lives a day is renewed': () =>
    after(toRefreshDelayMs(24 * hour, undefined, 0)),
  'Life above which a token is renewed at half of it, as the SDKs do, and not at 80 %': () => {
    const isHalf = (lifeMs: number): boolean =>
      lifeMs > hour && toRefreshDelayMs(lifeMs, undefined, 0) < lifeMs * 0.79;
    return duration(firstWhere(isHalf) - 1);
  },
  'Life that is left at a renewal, unless the token is too short-lived for that': () =>
    duration(2 * hour - toRefreshDelayMs(2 * hour, 2 * hour - 1, 0)),
  'When a token of ten minutes is renewed': () =>
    after(toRefreshDelayMs(10 * minute, undefined, 0)),
  'Smallest `refresh_in` of Entra that is followed': () =>
    duration(
      firstWhere((refreshInMs) => toRefreshDelayMs(1_000 * hour, refreshInMs, 0) === refreshInMs),
    ),
  'Jitter: how much earlier it may be, as a share of the time until then': () =>
    share(1 - toRefreshDelayMs(hour, undefined, 1) / toRefreshDelayMs(hour, undefined, 0)),
  'Jitter at most': () =>
    duration(
      toRefreshDelayMs(1_000 * hour, undefined, 0) - toRefreshDelayMs(1_000 * hour, undefined, 1),
    ),
  'Renewals in the background at the same time': measureBackground,

  'First wait before it is tried again': () => duration(toRetryDelayMs(outage(), 1, 0.5)),
  'Longest wait': () => duration(toRetryDelayMs(outage(), 100, 0.5)),
  'How much a wait varies either way': () =>
    share(toRetryDelayMs(outage(), 1, 1) / toRetryDelayMs(outage(), 1, 0.5) - 1),
  'Longest `Retry-After` that is believed': () =>
    duration(toRetryAfterMs(outage({ retryAfterSeconds: 1e9 })) ?? 0),

  'Tries after a fault of Entra or the network': () => tries('transient'),
  'Tries after a federated credential was not found': () => tries('propagation'),
  'Tries after a 429': () => tries('throttled'),
  'Longest `Retry-After` that is waited for within an exchange': () => {
    const isTold = (retryAfterMs: number): boolean =>
      toNextStep({
        ...firstFailure,
        retry: 'throttled',
        retryAfterSeconds: retryAfterMs / second,
      }) === undefined;
    return duration(firstWhere(isTold) - 1);
  },
  'One try': () => duration(ATTEMPT_BUDGET_MS),
  'All of them': () => duration(EXCHANGE_BUDGET_MS),
  'After which the cache gives an exchange up, whatever became of it': measureGivingUp,

  'A refusal by Entra': () => duration(toRememberedMs(failure('ERR_REJECTED', { aadsts: 700016 }))),
  'A refusal that a new federated credential may cure': () =>
    duration(toRememberedMs(failure('ERR_REJECTED', { aadsts: 700213 }))),
  'A 429 that names no time': () => duration(toRememberedMs(failure('ERR_THROTTLED'))),
  'Anything else: an outage, a timeout, an assertion that cannot be presented': () =>
    [
      ...new Set(
        (['ERR_UNAVAILABLE', 'ERR_TIMEOUT', 'ERR_ASSERTION', 'ERR_INTERNAL'] as const).map((code) =>
          duration(toRememberedMs(failure(code))),
        ),
      ),
    ].join(),

  'Keys at most': measureKeys,
  'Exchanges at the same time for keys without a token': measureAtOnce,
  'How long the failure of a key without a token stays visible in `/readyz?verbose`':
    measureShownFailure,
  'How far the wall clock may move against the monotonic one before times are computed anew':
    measureDrift,
};

describe('the numbers of docs/caching.md', () => {
  const rows = toRows(documentOf('docs/caching.md'), ['What', 'Number']);

  test('each has its measurement and each measurement its number', () => {
    expect(rows.map(([what]) => what).toSorted()).toEqual(Object.keys(measures).toSorted());
  });

  test.each(rows.map(([what = '', number = '']) => [what, number] as const))(
    '%s: %s',
    async (what, number) => {
      expect(await measures[what]?.()).toBe(number);
    },
  );
});

async function measurePatience(): Promise<string> {
  const { clock, source, fill } = createHarness();
  await fill(toRequest(), { expiresInSeconds: 600 });
  await clock.advance(5 * minute);
  return measureWait(clock, source.get(toRequest()));
}

async function measureBypassAge(): Promise<string> {
  for (let ageMs = 0; ageMs < hour; ageMs += second) {
    const { calls, clock, source, fill } = createHarness();
    await fill();
    await clock.advance(ageMs);
    source.get(toRequest(), { bypassCache: true }).catch(() => {});
    await clock.advance(0);
    if (calls.length > 1) return duration(ageMs);
  }
  return 'never';
}

async function measureBackground(): Promise<string> {
  const { clock, fill, open } = createHarness();
  for (let key = 0; key < 20; key += 1) await fill(toRequest(`https://${key}.example`));
  await clock.advance(48 * minute);
  return String(open().length);
}

async function measureGivingUp(): Promise<string> {
  const { clock, source } = createHarness();
  return measureWait(clock, source.get(toRequest()));
}

/** How long a caller waits, whatever for. */
async function measureWait(clock: ManualClock, waiting: Promise<unknown>): Promise<string> {
  const startedAtMs = clock.monotonicMs();
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  waiting.then(end, end);
  while (!isOver) await clock.advance(100);
  return duration(clock.monotonicMs() - startedAtMs);
}

async function measureKeys(): Promise<string> {
  const { source, fill } = createHarness();
  for (let key = 0; key < 300; key += 1) await fill(toRequest(`https://${key}.example`));
  return String(source.status().entries);
}

async function measureAtOnce(): Promise<string> {
  const { source } = createHarness();
  for (let key = 0; key < 300; key += 1) {
    source.get(toRequest(`https://${key}.example`)).catch(() => {});
  }
  return String(source.status().exchangesRunning);
}

async function measureShownFailure(): Promise<string> {
  const { clock, last, source } = createHarness();
  source.get(toRequest()).catch(() => {});
  await clock.advance(0);
  await last().fail('ERR_REJECTED');
  const startedAtMs = clock.monotonicMs();
  while (source.status().failing.length > 0) await clock.advance(10 * second);
  return duration(clock.monotonicMs() - startedAtMs);
}

async function measureDrift(): Promise<string> {
  for (let jumpMs = second; jumpMs < hour; jumpMs += second) {
    const { clock, fill, peek } = createHarness();
    const token = await fill();
    clock.jumpEpoch(jumpMs);
    if (peek()?.expiresAtMonotonicMs !== token.expiresAtMonotonicMs)
      return duration(jumpMs - second);
  }
  return 'never';
}

/** The smallest number of milliseconds for which `isSo` is true; it has to stay true from there on. */
function firstWhere(isSo: (ms: number) => boolean): number {
  let low = 0;
  let high = 48 * hour;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isSo(middle)) high = middle;
    else low = middle;
  }
  return high;
}

const firstFailure = { retryAfterSeconds: undefined, attempts: 1, elapsedMs: 0, random: 0 };

/** When the tries of an exchange begin if each is answered at once. */
function tries(retry: RetryClass): string {
  const startsMs = [0];
  for (;;) {
    const elapsedMs = startsMs.at(-1) ?? 0;
    const step = toNextStep({ ...firstFailure, retry, attempts: startsMs.length, elapsedMs });
    if (step === undefined) break;
    startsMs.push(elapsedMs + step.waitMs);
  }
  return `at ${startsMs.map((ms) => ms / second).join(', ')} s`;
}

function failure(code: ErrorCode, details: ErrorDetails = {}): ProxyError {
  return new ProxyError(code, 'scripted', details);
}

function outage(details: ErrorDetails = {}): ProxyError {
  return failure('ERR_UNAVAILABLE', details);
}

function after(ms: number): string {
  return `after ${duration(ms)}`;
}

function share(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

/** As the document writes it: `1 h`, `5 min 30 s`. */
function duration(ms: number): string {
  const parts = [
    [Math.floor(ms / hour), 'h'],
    [Math.floor((ms % hour) / minute), 'min'],
    [(ms % minute) / second, 's'],
  ] as const;
  return parts
    .filter(([amount]) => amount !== 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}
