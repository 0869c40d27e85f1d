import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src/proxy/errors.ts';
import type { ExchangeRequest, IssuedToken } from '../../../src/proxy/exchange.ts';
import type { ExchangeResult, Metrics } from '../../../src/proxy/metrics/metrics.ts';
import {
  type CacheLimits,
  type CachingSource,
  createCachingSource,
} from '../../../src/proxy/token/caching-source.ts';
import type { CacheResult, Token } from '../../../src/proxy/token/token-source.ts';
import { type KeyedRequest, toKeyed } from '../../../src/proxy/token/token-source.ts';
import type { LogFields, LogLevel } from '../../../src/shared/logger.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

export const tenantId = '11111111-1111-4111-8111-111111111111';
export const clientId = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
export const otherClientId = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';

export const HOUR_S = 3_600;

export function toRequest(resource = 'https://vault.azure.net', client = clientId): KeyedRequest {
  return toKeyed({ identity: { tenantId, clientId: client }, resource });
}

/** An exchange that the cache has begun and that a test ends as it likes. */
export interface Call {
  readonly request: ExchangeRequest;
  readonly signal: AbortSignal;
  readonly startedAtMs: number;
  readonly isOpen: boolean;
  /** Lets it succeed; by default with a token of an hour that arrives at once. */
  issue(token?: Partial<IssuedToken>): Promise<void>;
  /** Lets it end with anything at all. */
  issueRaw(anything: unknown): Promise<void>;
  fail(code: ErrorCode, details?: ErrorDetails): Promise<void>;
  throwRaw(thrown: unknown): Promise<void>;
}

/** What was counted, in order. */
export interface Counts {
  readonly cache: CacheResult[];
  readonly exchanges: { readonly result: ExchangeResult; readonly durationMs: number }[];
  readonly refreshFailures: ErrorCode[];
  assertionReadErrors: number;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface Harness {
  readonly clock: ManualClock;
  readonly source: CachingSource;
  readonly calls: Call[];
  readonly lines: LogLine[];
  readonly counts: Counts;
  /** How often a timer of the cache has fired. */
  readonly wakeUps: number;
  /** If set, exchanges are answered with this as soon as they begin. */
  answer: (() => Partial<IssuedToken> | ProxyError) | undefined;
  /** Exchanges that are running. */
  open(): Call[];
  /** The latest exchange. */
  last(): Call;
  peek(request?: KeyedRequest): Token | undefined;
  /** Gets a token for the key, answering the exchange that this takes. */
  fill(request?: KeyedRequest, token?: Partial<IssuedToken>): Promise<Token>;
  /** Has an exchange present an assertion that was not seen before; it leaves no other trace. */
  rotateAssertion(): Promise<void>;
}

/** The exchanges of `rotateAssertion`. */
const rotation = 'https://rotation';

export interface HarnessOptions {
  readonly limits?: CacheLimits;
  /** Jitter; 0 unless told, which makes every refresh as late as it may be. */
  readonly random?: () => number;
}

export function createHarness({ limits, random = () => 0 }: HarnessOptions = {}): Harness {
  const clock = createManualClock();
  const calls: Call[] = [];
  const lines: LogLine[] = [];
  const counts: Counts = {
    cache: [],
    exchanges: [],
    refreshFailures: [],
    assertionReadErrors: 0,
  };
  let serial = 0;
  let assertionExpiresAtSeconds = 1_800_000_000;
  let wakeUps = 0;

  const exchange = (request: ExchangeRequest, signal: AbortSignal): Promise<IssuedToken> =>
    new Promise((resolve, reject) => {
      if (request.resource === rotation) {
        assertionExpiresAtSeconds += HOUR_S;
        resolve({
          accessToken: 'token',
          expiresInSeconds: 1,
          extExpiresInSeconds: 1,
          elapsedMs: 0,
          assertionExpiresAtSeconds,
        });
        return;
      }
      serial += 1;
      const issued: IssuedToken = {
        accessToken: `token ${serial} of ${toHex(toKeyed(request).key)}`,
        expiresInSeconds: HOUR_S,
        extExpiresInSeconds: HOUR_S,
        elapsedMs: 0,
      };
      const answer = harness.answer?.();
      if (answer instanceof ProxyError) reject(answer);
      else if (answer !== undefined) resolve({ ...issued, ...answer });

      let isOpen = answer === undefined;
      signal.addEventListener('abort', () => {
        isOpen = false;
      });
      const end = async (settle: () => void): Promise<void> => {
        isOpen = false;
        settle();
        await clock.advance(0);
      };
      calls.push({
        request,
        signal,
        startedAtMs: clock.monotonicMs(),
        get isOpen() {
          return isOpen;
        },
        issue: (token) => end(() => resolve({ ...issued, ...token })),
        issueRaw: (anything) => end(() => resolve(anything as IssuedToken)),
        fail: (code, details) => end(() => reject(toError(code, details))),
        throwRaw: (thrown) => end(() => reject(thrown)),
      });
    });

  const source = createCachingSource(
    {
      clock: {
        epochMs: clock.epochMs,
        monotonicMs: clock.monotonicMs,
        after: (delayMs, callback) =>
          clock.after(delayMs, () => {
            wakeUps += 1;
            callback();
          }),
      },
      exchange,
      metrics: toMetrics(counts),
      logger: {
        isEnabled: () => true,
        log: (level, message, fields = {}) => lines.push({ level, message, fields }),
      },
      random,
    },
    limits,
  );

  const last = (): Call => {
    const call = calls.at(-1);
    if (call === undefined) throw new Error('no exchange has begun');
    return call;
  };

  const harness: Harness = {
    answer: undefined,
    clock,
    source,
    calls,
    lines,
    counts,
    get wakeUps() {
      return wakeUps;
    },
    open: () => calls.filter((call) => call.isOpen),
    last,
    peek: (request = toRequest()) => source.peek(request.key),
    async fill(request = toRequest(), token = {}) {
      const before = calls.length;
      const pending = source.get(request);
      await clock.advance(0);
      if (calls.length !== before + 1) throw new Error('the key is not cold');
      if (last().isOpen) await last().issue(token);
      return pending;
    },
    async rotateAssertion() {
      const before = [counts.cache, counts.exchanges].map((list) => [list, list.length] as const);
      // The first assertion is not a new one.
      await source.get(toRequest(rotation));
      await source.get(toRequest(rotation));
      await clock.advance(0);
      for (const [list, length] of before) list.splice(length);
    },
  };
  return harness;
}

/** Any text as one that a token may be. */
export function toHex(text: string): string {
  return Buffer.from(text, 'utf16le').toString('hex');
}

export function toError(code: ErrorCode, details?: ErrorDetails): ProxyError {
  return new ProxyError(code, `scripted ${code}`, details);
}

/** Counts as the cache's metrics do; any other call is an error. */
function toMetrics(counts: Counts): Metrics {
  const unexpected = (): never => {
    throw new Error('not for the cache to count');
  };
  return {
    cache: (result) => counts.cache.push(result),
    tokenRequestFailed: unexpected,
    refreshFailed: (code) => counts.refreshFailures.push(code),
    requestStarted: unexpected,
    requestFinished: unexpected,
    denied: unexpected,
    exchange: (result, durationMs) => counts.exchanges.push({ result, durationMs }),
    passthrough: unexpected,
    assertionReadError: () => {
      counts.assertionReadErrors += 1;
    },
  };
}

/** Whether a promise has settled by now, once every chain of promises has gone as far as it can. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** The error code that a promise fails with. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'no error'> {
  try {
    await promise;
    return 'no error';
  } catch (thrown) {
    if (thrown instanceof ProxyError) return thrown.code;
    throw thrown;
  }
}

/** What a promise fails with. */
export async function errorOf(promise: Promise<unknown>): Promise<ProxyError> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof ProxyError) return thrown;
    throw thrown;
  }
  throw new Error('did not fail');
}
