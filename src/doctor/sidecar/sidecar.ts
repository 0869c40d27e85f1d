import type { Clock } from '../../proxy/clock.ts';
import { loadConfig } from '../../proxy/config/config.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import type { Environment } from '../../shared/options.ts';
import type { Check } from '../engine/check.ts';
import type { Place } from '../engine/place.ts';
import { createAnswerCheck, createClockCheck } from './answer-checks.ts';
import { createCapacityChecks } from './capacity-checks.ts';
import { createTokenFileChecks } from './federated-token.ts';
import { createIdentityCheck } from './identity-checks.ts';
import { createNodeMetadataCheck } from './node-metadata.ts';
import { createPeerChecks } from './peer-checks.ts';
import { listPeers } from './peers.ts';
import {
  type AdminAnswers,
  askAdmin,
  createAdminChecks,
  createProxyChecks,
} from './proxy-checks.ts';
import { createRecentFailuresCheck } from './recent-failures.ts';
import { findRunningProxy, type RunningProxy } from './running-proxy.ts';
import { createSettingsCheck, type Subject } from './settings.ts';

export interface SidecarDeps {
  readonly clock: Clock;
  /** Of this process. */
  readonly env: Environment;
}

export interface SidecarOptions {
  readonly pid: number | undefined;
  /** Flags of the proxy on the doctor's own command line. */
  readonly proxyFlags: readonly string[];
  /** Make one real exchange for each identity. */
  readonly exchange: boolean;
  /** The resource to ask for; by default the first that is allowed. */
  readonly resource: string | undefined;
}

/** The checks in the container of the proxy, with the settings of the running proxy. */
export async function openSidecar(
  { clock, env }: SidecarDeps,
  options: SidecarOptions,
): Promise<Place> {
  const found = await findRunningProxy(options.pid);
  const proxy = found.kind === 'found' ? found.proxy : undefined;
  const argv = [...(proxy?.argv ?? []), ...options.proxyFlags];
  const subject: Subject = { found, loaded: loadConfig(argv, proxy?.env ?? env) };
  const { loaded } = subject;
  const config = loaded.kind === 'config' ? loaded.config : undefined;
  const admin = config && askAdmin(config);
  return {
    from: proxy === undefined ? 'this container' : `the sidecar (process ${proxy.pid})`,
    checks: [
      createSettingsCheck(subject),
      ...(config === undefined || admin === undefined
        ? []
        : await toChecks({ clock, admin }, config, proxy, options)),
    ],
    secrets: [...listSecrets(proxy?.env ?? env), ...listSecrets(env)],
    async collect() {
      if (config === undefined || admin === undefined) return { files: [], tokens: [] };
      const { collectFromSidecar } = await import('./collect.ts');
      return collectFromSidecar(config, admin);
    },
  };
}

/**
 * In the order of causes: a wrong clock makes a good token look bad, and a bad token makes every exchange
 * fail. How much memory there is comes last: with too little, tokens are late and not absent.
 */
async function toChecks(
  { clock, admin }: { readonly clock: Clock; readonly admin: AdminAnswers },
  config: ProxyConfig,
  proxy: RunningProxy | undefined,
  { exchange, resource }: SidecarOptions,
): Promise<readonly Check[]> {
  const peers = listPeers(clock, config);
  const [alive, version] = createProxyChecks(config, proxy);
  const tokenFiles = createTokenFileChecks({ clock }, config);
  const checks = [
    alive,
    ...peers.flatMap((peer) => [...createPeerChecks(peer), createAnswerCheck(peer, config)]),
    ...peers.slice(0, 1).map(createClockCheck),
    ...tokenFiles,
    createIdentityCheck(config),
    ...createAdminChecks(config, admin),
    createRecentFailuresCheck(admin),
    ...(exchange ? await loadExchangeChecks(clock, config, resource) : []),
    version,
    createNodeMetadataCheck(config, proxy),
    ...createCapacityChecks(clock, proxy),
  ];
  return checks.filter((check) => check !== undefined);
}

/** The libraries of the exchange are loaded only to make one. */
async function loadExchangeChecks(
  clock: Clock,
  config: ProxyConfig,
  resource: string | undefined,
): Promise<readonly Check[]> {
  const { createExchangeChecks } = await import('./exchange-checks.ts');
  return createExchangeChecks(clock, config, resource);
}

/** The values of variables that must not be shown, whether they are valid or not. */
function listSecrets(env: Environment): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    if (/^https?_proxy$/i.test(name)) return findPasswords(value);
    return name === 'IMDS_PROXY_IDENTITY_HEADER' ? [value.trim()] : [];
  });
}

/** The password of a URL as it is written, and as it is meant. */
function findPasswords(url: string): readonly string[] {
  const [, password] = /^\s*(?:[a-z]+:\/\/)?[^\s/:@]*:(.*)@/i.exec(url) ?? [];
  if (password === undefined) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
