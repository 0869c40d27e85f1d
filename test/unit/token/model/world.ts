import type { Clock } from '../../../../src/proxy/clock.ts';
import { ProxyError } from '../../../../src/proxy/errors.ts';
import type { ExchangeRequest, IssuedToken } from '../../../../src/proxy/exchange.ts';
import type {
  CacheLimits,
  CachingSource,
  CachingSourceDeps,
} from '../../../../src/proxy/token/caching-source.ts';
import { type KeyedRequest, toKeyed } from '../../../../src/proxy/token/token-source.ts';
import type { LogFields } from '../../../../src/shared/logger.ts';
import { silentMetrics } from '../../../support/silent-metrics.ts';

/** What makes the cache under test: the real one, or one with a deliberate fault. */
export type CreateSource = (deps: CachingSourceDeps, limits?: CacheLimits) => CachingSource;

/** One exchange that the cache has begun. */
export interface WorldExchange {
  readonly key: number;
  /** On the believed clock, as all instants of the model. */
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  readonly startedTrueMs: number;
  /** The assertion that it presents. */
  readonly assertion: number;
  /** Whether a call of `get` made it begin. */
  readonly isAsked: boolean;
  /** Sum of the steps of the wall clock when it began. */
  readonly steppedMs: number;
  isOpen: boolean;
  /** Why the cache has given it up. */
  abortedWith: string | undefined;
  resolve(token: unknown): void;
  reject(error: unknown): void;
}

export interface WorldLine {
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Time, Entra and everything else around a cache. Three clocks: the monotonic one, the wall clock, and the
 * believed one, by which tokens age according to docs/caching.md: monotonic time, suspensions and steps
 * forward of the wall clock.
 */
export interface World {
  readonly source: CachingSource;
  readonly exchanges: readonly WorldExchange[];
  readonly lines: WorldLine[];
  /** Whatever was thrown where nobody could catch it. */
  readonly faults: unknown[];
  assertion: number;
  /** Set while a call of `get` runs. */
  asking: boolean;
  readonly monotonicMs: number;
  readonly epochMs: number;
  readonly believedMs: number;
  /** Time that has really passed. */
  readonly trueMs: number;
  /** Sum of the steps forward and of the suspensions so far. */
  readonly steppedMs: number;
  readonly pendingTimers: number;
  request(key: number): KeyedRequest;
  advance(ms: number): Promise<void>;
  settle(): Promise<void>;
  /** The machine is suspended: time passes, and the monotonic clock stands still. */
  suspend(ms: number): void;
  /** Somebody sets the wall clock. */
  correct(ms: number): void;
}

export interface WorldOptions {
  readonly create: CreateSource;
  readonly limits: CacheLimits;
  readonly random: () => number;
}

export function createWorld({ create, limits, random }: WorldOptions): World {
  let monotonicMs = 5_000;
  let epochMs = Date.UTC(2026, 0, 1);
  let believedMs = 0;
  let trueMs = 0;
  let steppedMs = 0;
  let fired = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const exchanges: WorldExchange[] = [];
  const lines: WorldLine[] = [];
  const faults: unknown[] = [];

  const pass = (ms: number): void => {
    monotonicMs += ms;
    epochMs += ms;
    believedMs += ms;
    trueMs += ms;
  };
  const clock: Clock = {
    epochMs: () => epochMs,
    monotonicMs: () => monotonicMs,
    after(delayMs, callback) {
      const timer = { at: monotonicMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn += 1) await null;
  };

  const exchange = (request: ExchangeRequest, signal: AbortSignal): Promise<IssuedToken> =>
    new Promise((resolve, reject) => {
      const one: WorldExchange = {
        key: Number(request.resource.replace(/\D/g, '')),
        startedAtMs: believedMs,
        startedMonotonicMs: monotonicMs,
        startedTrueMs: trueMs,
        assertion: world.assertion,
        isAsked: world.asking,
        steppedMs,
        isOpen: true,
        abortedWith: undefined,
        resolve(token) {
          one.isOpen = false;
          resolve(token as IssuedToken);
        },
        reject(error) {
          one.isOpen = false;
          reject(error);
        },
      };
      signal.addEventListener('abort', () => {
        one.isOpen = false;
        one.abortedWith = signal.reason instanceof ProxyError ? signal.reason.code : 'unknown';
      });
      exchanges.push(one);
      if (exchanges.length > 5_000) throw new Error('exchanges without end');
    });

  const source = create(
    {
      clock,
      exchange,
      metrics: silentMetrics,
      logger: {
        isEnabled: () => true,
        log: (_, message, fields = {}) => void lines.push({ message, fields }),
      },
      random,
    },
    limits,
  );

  const world: World = {
    source,
    exchanges,
    lines,
    faults,
    assertion: 1_800_000_000,
    asking: false,
    get monotonicMs() {
      return monotonicMs;
    },
    get epochMs() {
      return epochMs;
    },
    get believedMs() {
      return believedMs;
    },
    get trueMs() {
      return trueMs;
    },
    get steppedMs() {
      return steppedMs;
    },
    get pendingTimers() {
      return timers.size;
    },
    request: (key) =>
      toKeyed({
        identity: { clientId: 'client', tenantId: 'tenant' },
        resource: `api://${key}`,
      }),
    settle,
    async advance(ms) {
      const end = monotonicMs + ms;
      for (;;) {
        let due: { readonly at: number; readonly callback: () => void } | undefined;
        for (const timer of timers) {
          if (timer.at <= end && (due === undefined || timer.at < due.at)) due = timer;
        }
        if (due === undefined) break;
        timers.delete(due);
        fired += 1;
        if (fired > 100_000) throw new Error('timers without end');
        pass(due.at - monotonicMs);
        try {
          due.callback();
        } catch (thrown) {
          faults.push(thrown);
        }
        await settle();
      }
      pass(end - monotonicMs);
    },
    suspend(ms) {
      epochMs += ms;
      believedMs += ms;
      trueMs += ms;
      steppedMs += ms;
    },
    correct(ms) {
      epochMs += ms;
      if (ms > 0) {
        believedMs += ms;
        steppedMs += ms;
      }
    },
  };
  return world;
}
