import type { Clock } from '../../proxy/clock.ts';
import { type LoadedConfig, loadConfig } from '../../proxy/config/config.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import type { Environment } from '../../shared/options.ts';
import type { Check } from '../engine/check.ts';
import type { Place } from '../engine/place.ts';
import { createTokenFileChecks } from './federated-token.ts';
import { type FoundProxy, findRunningProxy } from './running-proxy.ts';
import { createSettingsCheck } from './settings.ts';

export interface SidecarDeps {
  readonly clock: Clock;
  /** Of this process. */
  readonly env: Environment;
}

export interface SidecarOptions {
  readonly pid: number | undefined;
  /** Flags of the proxy on the doctor's own command line. */
  readonly proxyFlags: readonly string[];
}

/** The settings to examine, and where they come from. */
export interface Subject {
  readonly found: FoundProxy;
  readonly loaded: LoadedConfig;
}

/** The checks in the container of the proxy, with the settings of the running proxy. */
export async function openSidecar(
  { clock, env }: SidecarDeps,
  { pid, proxyFlags }: SidecarOptions,
): Promise<Place> {
  const found = await findRunningProxy(pid);
  const proxy = found.kind === 'found' ? found.proxy : undefined;
  const subject: Subject = {
    found,
    loaded: loadConfig([...(proxy?.argv ?? []), ...proxyFlags], proxy?.env ?? env),
  };
  const { loaded } = subject;
  const config = loaded.kind === 'config' ? loaded.config : undefined;
  return {
    from: proxy === undefined ? 'this container' : `the sidecar (process ${proxy.pid})`,
    checks: [
      createSettingsCheck(subject),
      ...(config === undefined ? [] : toChecks(clock, config)),
    ],
    secrets: config === undefined ? [] : listSecrets(config),
  };
}

function toChecks(clock: Clock, config: ProxyConfig): readonly Check[] {
  return createTokenFileChecks({ clock }, config);
}

/** The values of settings that must not be shown. */
function listSecrets({ httpProxy, httpsProxy, identityHeader }: ProxyConfig): readonly string[] {
  const passwords = [httpProxy, httpsProxy]
    .filter((url) => url !== undefined)
    .map((url) => new URL(url).password)
    .flatMap((password) => [password, decodeURIComponent(password)]);
  return [...passwords, ...(identityHeader === undefined ? [] : [identityHeader])];
}
