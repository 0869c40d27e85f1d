/**
 * docs/caching.md names numbers; here each of them is found out from what the code does. A row without a
 * measurement fails as well as a measurement without a row.
 */

import { describe, expect, test } from 'vitest';
import { faultNames } from '../../../chaos/faults.ts';
import { promises, realPromises } from '../../../chaos/promises.ts';
import { injectOptions } from '../../../src/inject/options.ts';
import { adminConnectionLimits } from '../../../src/proxy/admin/admin-server.ts';
import { deadlines } from '../../../src/proxy/deadlines.ts';
import { toNextStep } from '../../../src/proxy/entra/exchange/retry.ts';
import type { RetryClass } from '../../../src/proxy/entra/explain/context.ts';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import { dataConnectionLimits, defaultArrival } from '../../../src/proxy/http/data-server.ts';
import {
  type FailureFacts,
  toRememberedMs,
  toRetryAfterMs,
  toRetryDelayMs,
} from '../../../src/proxy/token/failure-memory.ts';
import { toFreshness, toRefreshDelayMs } from '../../../src/proxy/token/renewal.ts';
import type { KeyedRequest } from '../../../src/proxy/token/token-source.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { findBridgeMs } from '../../unit/entra/bridge.ts';
import { createHarness, type Harness, toRequest } from '../../unit/token/harness.ts';
import { documentOf, toRows } from './documents.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

type Measure = () => string | Promise<string>;

const measures: Readonly<Record<string, Measure>> = {
  'Least life of a token that is served from the cache': () =>
    duration(
      firstWhere(
        (leftMs) => toFreshness({ refreshAtMs: hour, expiresAtMs: leftMs }, 0) !== 'expired',
      ),
    ),
  'With less life than this, a caller waits for a renewal that is running or due': () =>
    duration(
      firstWhere(
        (leftMs) =>
          toFreshness({ refreshAtMs: 0, expiresAtMs: leftMs }, 0) === 'stale-while-refresh',
      ),
    ),
  'Longest such wait, counted from the start of the exchange; then the caller gets the cached token':
    measurePatience,
  '`bypass_cache=true` gets a newer token if the cached one is at least this old': measureBypassAge,

  'A token that lives an hour is renewed': () => after(toRefreshDelayMs(hour, undefined, 0)),
  'A token that lives a day is renewed': () => after(toRefreshDelayMs(24 * hour, undefined, 0)),
  'Longer-lived tokens than this are renewed at half of their life, others at 80 %': () => {
    const isHalf = (lifeMs: number): boolean =>
      lifeMs > hour && toRefreshDelayMs(lifeMs, undefined, 0) < lifeMs * 0.79;
    return duration(firstWhere(isHalf) - 1);
  },
  'Least life that is left at a renewal, unless the token is too short-lived': () =>
    duration(30 * minute - toRefreshDelayMs(30 * minute, undefined, 0)),
  'A token of ten minutes is renewed': () => after(toRefreshDelayMs(10 * minute, undefined, 0)),
  'Smallest `refresh_in` of Entra that is followed': () =>
    duration(
      firstWhere((refreshInMs) => toRefreshDelayMs(1_000 * hour, refreshInMs, 0) === refreshInMs),
    ),
  'Jitter: how much earlier a renewal may be, as a share of the time until then': () =>
    share(1 - toRefreshDelayMs(hour, undefined, 1) / toRefreshDelayMs(hour, undefined, 0)),
  'Largest jitter': () =>
    duration(
      toRefreshDelayMs(1_000 * hour, undefined, 0) - toRefreshDelayMs(1_000 * hour, undefined, 1),
    ),
  'Renewals in the background that hold a slot at a time': measureBackground,
  'A renewal that is still running frees its slot after': measureSlot,
  'Renewals in the background that run at a time, if all of them hang': measureHanging,

  'First wait before the next attempt': () => duration(toRetryDelayMs(outage())),
  'Longest wait': () => duration(toRetryDelayMs(outage({ failures: 100 }))),
  'How much a wait varies either way': () =>
    share(toRetryDelayMs(outage({ random: 1 })) / toRetryDelayMs(outage()) - 1),
  'A wait takes no more than this share of the time for which the token can be served': () =>
    share(toRetryDelayMs(outage({ failures: 100, servableMs: 4 * minute })) / (4 * minute)),
  '… but at least': () => duration(toRetryDelayMs(outage({ failures: 100, servableMs: 1 }))),
  'After a 429, how much longer than `Retry-After` the proxy waits': () =>
    share(
      toRetryDelayMs({ ...failed('ERR_THROTTLED', { retryAfterSeconds: 1 }), random: 1 }) / second -
        1,
    ),
  'Longest `Retry-After` that is followed': () =>
    duration(toRetryAfterMs(failed('ERR_UNAVAILABLE', { retryAfterSeconds: 1e9 }).error) ?? 0),

  'Longest fault of Entra or the network that a single request outlives': measureBridge,
  'Attempts after a fault of Entra or the network': () => tries('transient'),
  'Attempts if the federated credential was not found': () => tries('propagation'),
  'Attempts after a 429': () => tries('throttled'),
  'Longest `Retry-After` that an exchange waits for': () => {
    const isTold = (retryAfterMs: number): boolean =>
      toNextStep({
        ...firstFailure,
        retry: 'throttled',
        retryAfterSeconds: retryAfterMs / second,
      }) === undefined;
    return duration(firstWhere(isTold) - 1);
  },
  'One attempt': () => duration(deadlines.attemptMs),
  'All attempts of an exchange': () => duration(deadlines.exchangeMs),
  'The cache gives an exchange up after': measureGivingUp,

  'A refusal by Entra': () => duration(toRememberedMs(failed('ERR_REJECTED', { aadsts: 700016 }))),
  'A refusal that a new federated credential may fix': () =>
    duration(toRememberedMs(failed('ERR_REJECTED', { aadsts: 700213 }))),
  'A 429 without a time': () => duration(toRememberedMs(failed('ERR_THROTTLED'))),
  'A federated token that cannot be presented': () =>
    duration(toRememberedMs(failed('ERR_ASSERTION'))),
  'An outage or a timeout, at first': () => toOutageMs(0, duration),
  'An outage that lasts: this share of the time that it has lasted': () =>
    toOutageMs(minute, (ms) => share(ms / minute)),
  'An outage, at most': () => toOutageMs(24 * hour, duration),
  'How much longer the memory of an outage may be': () =>
    share(toRememberedMs({ ...failed('ERR_TIMEOUT'), random: 1 }) / second - 1),

  Keys: measureKeys,
  'Bytes of all tokens': measureBytes,
  'Bytes of one token': measureTokenBytes,
  'Longest life of a token; a longer one is cut': measureLife,
  'Exchanges at the same time for keys without a token': measureAtOnce,
  'The failure of a key without a token stays visible in `/readyz?verbose` for':
    measureShownFailure,
  'Seats: keys in use that newcomers cannot push out': () =>
    measureSeats((index) => toRequest(`https://${index}.example`, `client-${index}`)),
  'Seats of one client ID': () => measureSeats((index) => toRequest(`https://${index}.example`)),
  'Seats of one client ID for spellings of one resource that differ in case or in slashes at the end':
    () => measureSeats((index) => toRequest(toSpelling('https://resource.example', index))),
  'A smaller step of the wall clock is noise': measureNoise,
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

describe('the promises under random faults', () => {
  const { entries, postsPerMinute, linesPerMinute } = promises;
  const limits: Readonly<Record<string, string>> = {
    'A caller does not wait if the token has at least this much life, and no newer token was asked for':
      duration(promises.comfortableMs),
    'No token with less life is served from the cache, and none of another identity or resource':
      duration(promises.servableMs),
    'Every caller has an answer within': duration(promises.answerMs),
    'Exchanges of one key at a time': '1',
    'Keys in the cache': String(entries),
    'Requests to Entra in a minute, for each key in use': String(postsPerMinute),
    'Log lines of level info and above in a minute, for each key in use': String(linesPerMinute),
    'After the end of all faults, every caller gets a token within': duration(promises.healedMs),
    '… and no renewal fails any more after': duration(promises.renewedMs),
  };

  test('are those that npm run chaos holds', () => {
    const rows = toRows(documentOf('docs/caching.md'), ['Promise', 'Limit']);
    expect(Object.fromEntries(rows)).toEqual(limits);
  });

  test('and, in real time, those that npm run chaos:real holds', () => {
    const rows = toRows(documentOf('docs/caching.md'), ['In real time', 'Limit']);
    expect(Object.fromEntries(rows)).toEqual({
      'A busy machine may add to each of the times; a caller who does not wait has an answer within':
        duration(realPromises.busyMs),
      'A connection with half a request is closed within': duration(realPromises.wholeRequestMs),
      'Log lines in a minute about requests of one kind that were not served; the table above counts the other lines':
        String(realPromises.refusalLinesPerMinute),
      'Log lines of one start': String(realPromises.startLines),
      'Memory, without the pages of files': bytes(realPromises.memoryBytes),
      'Open descriptors': realPromises.descriptors.toLocaleString('en-US'),
      '… after the end of all faults, when the callers have gone': String(
        realPromises.descriptorsAtRest,
      ),
    });
  });

  test('keep to the bounds of the proxy, and to the memory that manifests give it', () => {
    expect(realPromises.wholeRequestMs).toBe(defaultArrival.requestMs);
    expect(`${realPromises.memoryBytes / 2 ** 20}Mi`).toBe(injectOptions.memoryLimit.default);
    const { maxConnections } = dataConnectionLimits;
    expect(realPromises.descriptors).toBeGreaterThan(
      maxConnections + adminConnectionLimits.maxConnections,
    );
  });

  test('come from as many faults as it says', () => {
    const { text } = documentOf('docs/caching.md');
    const counts = [...text.matchAll(/(?:combinations of|same) (\d+) faults/g)];
    expect(counts.map(([, count]) => Number(count))).toEqual([
      faultNames.length,
      faultNames.length,
    ]);
  });
});

async function measureBridge(): Promise<string> {
  const longest = await Promise.all([0, 0.999].map((random) => findBridgeMs(random)));
  return duration(Math.floor(Math.min(...longest) / 100) * 100);
}

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

async function measureSlot(): Promise<string> {
  const { clock, fill, calls } = createHarness();
  for (let key = 0; key < 5; key += 1) await fill(toRequest(`https://${key}.example`));
  await clock.advance(48 * minute);
  const startedAtMs = clock.monotonicMs();
  while (calls.length < 10) await clock.advance(100);
  return duration(clock.monotonicMs() - startedAtMs);
}

async function measureHanging(): Promise<string> {
  const { clock, fill, open } = createHarness();
  for (let key = 0; key < 100; key += 1) await fill(toRequest(`https://${key}.example`));
  await clock.advance(48 * minute);
  let most = 0;
  for (let tick = 0; tick < 600; tick += 1) {
    most = Math.max(most, open().length);
    await clock.advance(100);
  }
  return String(most);
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

async function measureBytes(): Promise<string> {
  const { source, peek } = createSized(() => 64 * 1_024);
  for (let key = 0; key < 100; key += 1) await source.get(toRequest(`https://${key}.example`));
  let kept = 0;
  for (let key = 0; key < 100; key += 1) {
    if (peek(toRequest(`https://${key}.example`)) !== undefined) kept += 1;
  }
  return bytes(kept * 64 * 1_024);
}

async function measureTokenBytes(): Promise<string> {
  let size = 1_024;
  const { source, clock } = createSized(() => size);
  while (size < 10_000_000) {
    const isTaken = await source.get(toRequest(`https://${size}.example`)).then(
      () => true,
      () => false,
    );
    if (!isTaken) break;
    size += 1;
    if (size > 2_048 && size < 65_000) size = 65_000;
    await clock.advance(0);
  }
  return bytes(size - 1);
}

/** A cache whose tokens have a size. */
function createSized(toSize: () => number): Harness {
  const harness = createHarness();
  harness.answer = () => ({ accessToken: 'x'.repeat(toSize()) });
  return harness;
}

async function measureLife(): Promise<string> {
  const { fill, clock } = createHarness();
  const token = await fill(toRequest(), { expiresInSeconds: 1e9 });
  return `${(token.expiresAtSeconds * second - clock.epochMs()) / hour} h`;
}

/** How many of the keys that were there first are still there after ever more have come. */
async function measureSeats(toKey: (index: number) => KeyedRequest): Promise<string> {
  const harness = createHarness();
  harness.answer = () => ({});
  const { clock, source, peek } = harness;
  for (let index = 0; index < 1_000; index += 1) {
    await source.get(toKey(index));
    await clock.advance(1);
  }
  let seats = 0;
  while (peek(toKey(seats)) !== undefined) seats += 1;
  return String(seats);
}

/** The text with the bits of a number as capitals. */
function toSpelling(text: string, bits: number): string {
  let left = bits;
  return text.replace(/[a-z]/g, (letter) => {
    const isCapital = left % 2 === 1;
    left = Math.floor(left / 2);
    return isCapital ? letter.toUpperCase() : letter;
  });
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

async function measureNoise(): Promise<string> {
  for (let stepMs = 0; stepMs < hour; stepMs += 100) {
    const { clock, fill, peek } = createHarness();
    const token = await fill();
    clock.jumpEpoch(-stepMs);
    if (peek()?.expiresAtSeconds !== token.expiresAtSeconds) return duration(stepMs - 100);
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

/** The first failure of a key whose token can be served for long, jitter aside. */
function failed(code: ErrorCode, details: ErrorDetails = {}): FailureFacts {
  const error = new ProxyError(code, 'scripted', details);
  return { error, failures: 1, failingMs: 0, servableMs: 24 * hour, random: 0 };
}

/** In the middle of the jitter of retries. */
function outage(facts: Partial<FailureFacts> = {}): FailureFacts {
  return { ...failed('ERR_UNAVAILABLE'), random: 0.5, ...facts };
}

/** The same for every failure that says nothing about the key. */
function toOutageMs(failingMs: number, format: (ms: number) => string): string {
  const codes: readonly ErrorCode[] = ['ERR_UNAVAILABLE', 'ERR_TIMEOUT', 'ERR_INTERNAL'];
  return [
    ...new Set(codes.map((code) => format(toRememberedMs({ ...failed(code), failingMs })))),
  ].join();
}

function after(ms: number): string {
  return `after ${duration(ms)}`;
}

function bytes(count: number): string {
  const kibibytes = count / 1_024;
  return kibibytes < 1_024 ? `${kibibytes} KiB` : `${kibibytes / 1_024} MiB`;
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
