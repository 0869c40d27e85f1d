import { compileAddressPattern } from '../shared/address-pattern.ts';
import { compile } from '../shared/compile-cached.ts';
import type { Logger } from '../shared/logger.ts';
import { type AdminServer, createAdminServer } from './admin/admin-server.ts';
import { type AssertionSource, checkReadiness, type Readiness } from './admin/readiness.ts';
import { sleep, systemClock } from './clock.ts';
import { listAssertionFiles, toEntraSettings } from './config/exchange-settings.ts';
import { toIdentityPolicy } from './config/identities.ts';
import { proxyOptions } from './config/options.ts';
import type { ProxyConfig } from './config/proxy-config.ts';
import type * as Bundle from './entra/bundle.ts';
import { type AssertionInspection, inspectAssertion } from './entra/exchange/federated-token.ts';
import { createLoadedExchange } from './entra/load-exchange.ts';
import type { Exchange } from './exchange.ts';
import { createDataServer, type DataServer } from './http/data-server.ts';
import { createPassThroughGate } from './http/pass-through-gate.ts';
import { type AllMetrics, createMetrics, type TokenFileStatus } from './metrics/metrics.ts';
import { createMemoryTrimmer, findMemoryRisk } from './process/memory.ts';
import { findCompany } from './process/pod-sockets.ts';
import { attemptReadyz, toProbedEndpoint } from './process/ready-probe.ts';
import { createShutdown, type Shutdown } from './process/shutdown.ts';
import type { TerminationSignal } from './process/signals.ts';
import { type CachingSource, createCachingSource } from './token/caching-source.ts';

const clock = systemClock;

/** Takes a fault that nothing caught. @returns false if the process must end */
export type ContainFault = (fault: unknown) => boolean;

/** How the server takes over what happens to the process as a whole. */
export interface ProcessHooks {
  onFault(contain: ContainFault): void;
  onSignal(handle: (name: TerminationSignal) => void): void;
  /** Stands in for the bundle that requests tokens from Entra. */
  loadExchange?: () => Bundle.ExchangeBundle;
}

/**
 * The rest of the start waits this long after the server listens, so that it does not delay the first
 * answer, which the kubelet or the application polls for.
 */
const firstAnswerMs = 20;

/** Within the 5 s that the manifests give the kubelet's liveness probe. */
const livenessMs = 4_000;

/**
 * Builds every part of the proxy, starts it, and runs it until it is told to stop.
 * @returns the exit code.
 * @throws the system's error if it cannot listen on the proxy's port.
 */
export async function serve(
  config: ProxyConfig,
  logger: Logger,
  hooks: ProcessHooks,
): Promise<number> {
  const metrics = createMetrics();
  const load = hooks.loadExchange ?? toLoader(config, logger);
  const loaded = createLoadedExchange({ clock, logger, load });
  hooks.onFault(loaded.containFault);
  const memory = createMemoryTrimmer({ clock }, () => server.lastRequestAtMs);
  const exchange: Exchange = (request, signal) =>
    loaded.exchange(request, signal).finally(() => memory.trimSoon());
  const source = createCachingSource({ clock, exchange, metrics, logger });
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
      port: config.proxyPort,
      host: config.bindAddress,
      extraHosts: config.allowedHosts ?? [],
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
    { quietMs: config.drainQuiet, deadlineMs: config.drainDeadline },
  );
  const admin = createAdmin(config, { logger, metrics, source, shutdown });

  compileAddressPattern();
  const { port } = await server.listen();
  hooks.onSignal((name) => shutdown.signal(name));
  logger.log('info', 'starting the proxy server', { address: config.bindAddress, port });
  const rest = async (): Promise<void> => {
    await sleep(clock, firstAnswerMs, new AbortController().signal);
    await admin?.listen();
    warnOfMemoryLimit(logger);
    loaded.preload();
    memory.trimSoon();
  };
  // Not awaited: after a signal, nothing would keep the event loop alive until this is done.
  void rest();

  const exitCode = await shutdown.done;
  source.stop();
  await loaded.close();
  await admin?.close();
  return exitCode;
}

/** Loads the exchange's bundle, which has its own code cache. */
function toLoader(config: ProxyConfig, logger: Logger): () => Bundle.ExchangeBundle {
  const settings = toEntraSettings(config);
  // Kept here, because a dropped bundle loses it.
  let lastGoodCaPem = config.binding?.checkedCaPem;
  const rememberCa = (pem: string): void => {
    lastGoodCaPem = pem;
  };
  return () => {
    const { openExchange } = compile(
      `${__dirname}/proxy-exchange.js`,
      require,
    ).run() as typeof Bundle;
    return openExchange({ clock, logger, lastGoodCaPem, rememberCa }, settings);
  };
}

function warnOfMemoryLimit(logger: Logger): void {
  const risk = findMemoryRisk(process.constrainedMemory());
  if (risk !== undefined) logger.log('warning', risk);
}

interface AdminParts {
  readonly logger: Logger;
  readonly metrics: AllMetrics;
  readonly source: CachingSource;
  readonly shutdown: Shutdown;
}

function createAdmin(
  config: ProxyConfig,
  { logger, metrics, source, shutdown }: AdminParts,
): AdminServer | undefined {
  if (config.adminPort === 0) return undefined;
  const assertions = toAssertionSources(config);
  const examineReadiness = (): Promise<Readiness> =>
    checkReadiness({
      clock,
      isDraining: () => shutdown.isDraining,
      assertions,
      cacheStatus: () => source.status(),
    });
  const listen = { address: config.bindAddress, port: config.proxyPort };
  const hasDefaultIdentity = config.clientId !== undefined || config.identities.length === 1;
  return createAdminServer(
    {
      clock,
      logger,
      // While it stops, it is as alive as it will be: a restart is under way.
      checkLiveness: async () =>
        shutdown.isDraining
          ? undefined
          : attemptReadyz(clock, toProbedEndpoint(listen), livenessMs),
      checkReadiness: examineReadiness,
      async loadExposition() {
        const { createExposition } = await import('./metrics/exposition.ts');
        return createExposition(
          metrics.table,
          async () => ({
            tokenFiles: await Promise.all(assertions.map(toTokenFileStatus)),
            cache: source.status(),
            hasDefaultIdentity,
          }),
          config.runtimeMetrics
            ? (await import('./metrics/runtime-metrics.ts')).addRuntimeMetrics
            : undefined,
        );
      },
      async renderStatus() {
        const { renderStatus } = await import('./admin/status-page.ts');
        return renderStatus({
          clock,
          config,
          keys: () => source.keys(),
          checkReadiness: examineReadiness,
        });
      },
    },
    { address: config.adminAddress, port: config.adminPort },
  );
}

/** A token file for readiness and metrics, which name an identity by its place in the list only. */
interface TokenFile extends AssertionSource {
  readonly label: string;
  readonly inspect: () => Promise<AssertionInspection>;
}

function toAssertionSources(config: ProxyConfig): readonly TokenFile[] {
  const usualMode = config.exchangeMode;
  return listAssertionFiles(config).map(({ path, mode, identity }) => ({
    label: identity === undefined ? 'default' : `identities-${identity.entry}`,
    suffix: identity === undefined ? '' : `/identities-${identity.entry}`,
    setting:
      identity === undefined
        ? proxyOptions.federatedTokenFile.env
        : `entry ${identity.entry} of ${proxyOptions.identities.env}`,
    inspect: () => inspectAssertion({ clock }, { path, mode, usualMode }),
  }));
}

async function toTokenFileStatus({ label, inspect }: TokenFile): Promise<TokenFileStatus> {
  const { fault, issuedAtSeconds, expiresAtSeconds } = await inspect();
  return { file: label, isUsable: fault === undefined, issuedAtSeconds, expiresAtSeconds };
}
