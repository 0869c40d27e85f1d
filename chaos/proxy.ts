import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type AssertionSource,
  checkReadiness,
  type Readiness,
} from '../src/proxy/admin/readiness.ts';
import type { Clock } from '../src/proxy/clock.ts';
import type { ExchangeBundle, Outcome } from '../src/proxy/entra/bundle.ts';
import { createEntraExchange } from '../src/proxy/entra/exchange/exchange.ts';
import { inspectAssertion } from '../src/proxy/entra/exchange/federated-token.ts';
import { createLoadedExchange } from '../src/proxy/entra/load-exchange.ts';
import type { EntraSettings, ExchangeMode } from '../src/proxy/entra/settings.ts';
import { toProxyError } from '../src/proxy/errors.ts';
import { type AllMetrics, createMetrics } from '../src/proxy/metrics/metrics.ts';
import { type CachingSource, createCachingSource } from '../src/proxy/token/caching-source.ts';
import type { Logger } from '../src/shared/logger.ts';
import { authorityHost, federatedTokenFile } from '../test/unit/entra/support.ts';
import type { ChaosEntra } from './entra.ts';
import { type ActiveFaults, nonsense } from './faults.ts';
import type { PodTime } from './pod-time.ts';
import { type TokenFile, toFault } from './token-file.ts';

/** One process of the proxy, without its HTTP servers. */
export interface ProxyProcess {
  readonly source: CachingSource;
  readonly metrics: AllMetrics;
  /** Exchanges that have begun and not ended, by client ID and resource. */
  readonly running: ReadonlyMap<string, number>;
  /** Timers of the cache that wait. */
  timers(): number;
  checkReadiness(): Promise<Readiness>;
  stop(): void;
}

export interface ProcessParts {
  readonly time: PodTime;
  readonly faults: ActiveFaults;
  readonly entra: ChaosEntra;
  readonly tokenFile: TokenFile;
  readonly logger: Logger;
  readonly random: () => number;
  /** What makes the cache: the product's, or one with a deliberate fault. */
  readonly createSource?: typeof createCachingSource | undefined;
}

const tokenProxy = {
  url: 'https://10.0.0.1/',
  serverName: 'token-proxy.invalid',
  ca: { kind: 'file' as const, path: '/var/run/secrets/ca.crt' },
};

/** Builds the product's parts as `serve.ts` does, in a pod that is made of the given parts. */
export function startProcess(parts: ProcessParts, mode: ExchangeMode): ProxyProcess {
  const { time, faults, entra, tokenFile, logger, random } = parts;
  const { createSource = createCachingSource } = parts;
  const settings: EntraSettings = {
    authorityHost,
    federatedTokenFile,
    mode,
    ...(mode === 'binding' && { tokenProxy }),
  };
  const readFile = (): Promise<string> => tokenFile.read(mode);
  const running = new Map<string, number>();

  const openBundle = (): ExchangeBundle => {
    if (faults.has('libraries/does-not-load')) throw toFault('EMFILE');
    const exchange = createEntraExchange(
      {
        clock: time,
        logger,
        random,
        readFile,
        transport: entra.transport,
        tokenProxyTransport: entra.createTokenProxyTransport(logger, tokenProxy.ca),
      },
      settings,
    );
    return {
      async perform(request, signal): Promise<Outcome> {
        if (faults.has('libraries/throws')) throw new TypeError('a fault of the schedule');
        if (faults.has('libraries/hangs')) return new Promise(() => {});
        if (faults.has('libraries/nonsense')) return nonsense;
        if (faults.has('libraries/fails-outside')) {
          const inContext = AsyncLocalStorage.snapshot();
          time.after(5, () =>
            inContext(() => loaded.containFault(new RangeError('a fault of the schedule'))),
          );
        }
        try {
          return { kind: 'issued', token: await exchange(request, signal) };
        } catch (thrown) {
          const { code, message, details } = toProxyError(thrown);
          return { kind: 'failed', code, message, details };
        }
      },
      close: async () => {},
    };
  };
  const loaded = createLoadedExchange({ clock: time, logger, load: openBundle });
  const metrics = createMetrics(time.epochMs);
  let timers = 0;
  const clock: Clock = {
    epochMs: time.epochMs,
    monotonicMs: time.monotonicMs,
    after(delayMs, callback) {
      timers += 1;
      let isPending = true;
      const end = (): void => {
        if (isPending) timers -= 1;
        isPending = false;
      };
      const cancel = time.after(delayMs, () => {
        end();
        callback();
      });
      return () => {
        end();
        cancel();
      };
    },
  };
  const source = createSource({
    clock,
    metrics,
    logger,
    random,
    async exchange(request, signal) {
      const key = `${request.identity.clientId} ${request.resource}`;
      running.set(key, (running.get(key) ?? 0) + 1);
      const end = (): void => void running.set(key, (running.get(key) ?? 0) - 1);
      // The cache may give an exchange up that never ends.
      signal.addEventListener('abort', end, { once: true });
      try {
        return await loaded.exchange(request, signal);
      } finally {
        if (!signal.aborted) end();
      }
    },
  });
  const assertion: AssertionSource = {
    suffix: '',
    setting: 'AZURE_FEDERATED_TOKEN_FILE',
    inspect: () => inspectAssertion({ clock: time, readFile }, { path: federatedTokenFile, mode }),
  };
  let isStopped = false;

  return {
    source,
    metrics,
    running,
    timers: () => timers,
    checkReadiness: () =>
      checkReadiness({
        clock: time,
        isDraining: () => isStopped,
        assertions: [assertion],
        cacheStatus: () => source.status(),
      }),
    stop() {
      isStopped = true;
      source.stop();
      void loaded.close();
    },
  };
}
