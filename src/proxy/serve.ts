import { compileAddressPattern } from '../shared/address-pattern.ts';
import { createJsonLogger } from '../shared/json-log.ts';
import type { Logger } from '../shared/logger.ts';
import { writeStderr } from '../shared/stderr.ts';
import { type AdminServer, createAdminServer } from './admin/admin-server.ts';
import { type AssertionSource, checkReadiness } from './admin/readiness.ts';
import { onAssertionChange } from './assertion-change.ts';
import { sleep, systemClock } from './clock.ts';
import { listAssertionFiles, toEntraSettings } from './config/config-exchange.ts';
import { toIdentityPolicy } from './config/config-policy.ts';
import { proxyOptions } from './config/options.ts';
import type { ProxyConfig } from './config/proxy-config.ts';
import { inspectAssertion } from './entra/exchange/federated-token.ts';
import {
  createRemoteExchange,
  type RemoteExchange,
  STUCK_AFTER_MS,
} from './exchanger/remote-exchange.ts';
import { createProcessStarter } from './exchanger/start-process.ts';
import { createDataServer, type DataServer } from './http/data-server.ts';
import { createPassThroughGate } from './http/pass-through-gate.ts';
import { findMemoryRisk } from './memory-limit.ts';
import { trimMemory } from './memory-trim.ts';
import { type Counters, createMetrics } from './metrics/counters.ts';
import { findCompany } from './process/pod-sockets.ts';
import { createShutdown, type Shutdown, watchSignals } from './process/shutdown.ts';
import { type CachingSource, createCachingSource } from './token/caching-source.ts';

const clock = systemClock;

/**
 * What follows the listening waits for this long: whoever waits for the first answer polls for it, and
 * starting another process takes this one some milliseconds.
 */
const firstAnswerMs = 20;

/** A moment without requests is quiet after this. */
const quietMs = 1_000;

/**
 * Builds every part of the proxy, starts it, and runs it until it is told to stop.
 * @returns the exit code.
 * @throws the system's error if it cannot listen on the proxy's port.
 */
export async function serve(config: ProxyConfig): Promise<number> {
  const logger = createJsonLogger({
    level: config.logLevel,
    name: 'proxy',
    write: writeStderr,
    clock,
  });
  const metrics = createMetrics();
  const exchanger = createExchanger(config, logger, () => {
    // What belonged to the exchanger can be collected only after it has left.
    clock.after(quietMs, () => {
      const idleSinceMs = server.lastRequestAtMs ?? Number.NEGATIVE_INFINITY;
      if (clock.monotonicMs() - idleSinceMs >= quietMs) trimMemory();
    });
  });
  const exchange = onAssertionChange(exchanger.exchange, () => source.forgetFailures());
  const source: CachingSource = createCachingSource({ clock, exchange, metrics, logger });
  const passThrough = createPassThroughGate(
    { clock, logger },
    {
      mode: config.passthrough,
      upstream: { host: config.metadataEndpoint.address, port: config.metadataEndpoint.port },
    },
  );
  const server: DataServer = createDataServer(
    { clock, logger, metrics, source, policy: toIdentityPolicy(config), passThrough },
    {
      port: config.listen.port,
      host: config.listen.address,
      extraHosts: config.allowedHosts,
      identityHeader: config.identityHeader,
    },
  );
  const shutdown = createShutdown(
    {
      clock,
      logger,
      server,
      stopWaiting: () => source.stop(),
      // Outside a container, the sockets in sight are those of the whole machine.
      findCompany: async () =>
        process.pid === 1 ? findCompany({ root: '/proc', pid: 'self' }) : 'unknown',
    },
    config.drain,
  );
  const admin = createAdmin(config, { logger, metrics, source, shutdown });

  compileAddressPattern();
  const { port } = await server.listen();
  const unwatch = watchSignals(process, shutdown);
  logger.log('info', 'starting the proxy server', { address: config.listen.address, port });
  await sleep(clock, firstAnswerMs, new AbortController().signal);
  await admin?.listen();
  prestart(config, logger, exchanger);
  await passThrough.detectLoop();

  const exitCode = await shutdown.done;
  unwatch();
  source.stop();
  exchanger.stop();
  await admin?.close();
  return exitCode;
}

function createExchanger(config: ProxyConfig, logger: Logger, onRest: () => void): RemoteExchange {
  const configuration = {
    settings: toEntraSettings(config),
    logLevel: config.logLevel,
    lastGoodCaPem: config.identityBinding?.checkedCaPem,
  };
  return createRemoteExchange(
    { clock, logger, start: createProcessStarter(configuration, __dirname), onRest },
    { lingerMs: config.exchanger.lingerMs, stuckAfterMs: STUCK_AFTER_MS },
  );
}

/** An application asks for its first token about now, and libraries take their time to load. */
function prestart(config: ProxyConfig, logger: Logger, exchanger: RemoteExchange): void {
  const risk = findMemoryRisk(process.constrainedMemory());
  if (risk !== undefined) logger.log('warning', risk);
  const { prestart: choice } = config.exchanger;
  if (choice === 'on' || (choice === 'auto' && risk === undefined)) exchanger.prestart();
}

interface AdminParts {
  readonly logger: Logger;
  readonly metrics: Counters;
  readonly source: CachingSource;
  readonly shutdown: Shutdown;
}

function createAdmin(
  config: ProxyConfig,
  { logger, metrics, source, shutdown }: AdminParts,
): AdminServer | undefined {
  if (config.admin === undefined) return undefined;
  const assertions = toAssertionSources(config);
  return createAdminServer(
    {
      logger,
      checkReadiness: () =>
        checkReadiness({
          clock,
          isDraining: () => shutdown.isDraining,
          assertions,
          cacheStatus: () => source.status(),
        }),
      async loadExposition() {
        const { createExposition } = await import('./metrics/exposition.ts');
        return createExposition(
          () => ({ counters: metrics.snapshot(), cache: source.status() }),
          config.runtimeMetrics
            ? (await import('./metrics/runtime-metrics.ts')).addRuntimeMetrics
            : undefined,
        );
      },
    },
    config.admin,
  );
}

/** The token files for readiness, which names an identity by its place in the list only. */
function toAssertionSources(config: ProxyConfig): readonly AssertionSource[] {
  const usualMode = config.exchangeMode;
  return listAssertionFiles(config).map(({ path, mode, identity }) => ({
    suffix: identity === undefined ? '' : `/identities-${identity.entry}`,
    setting:
      identity === undefined
        ? proxyOptions.federatedTokenFile.env
        : `entry ${identity.entry} of ${proxyOptions.identities.env}`,
    inspect: () => inspectAssertion({ clock }, { path, mode, usualMode }),
  }));
}
