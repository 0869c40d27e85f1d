import type { LogLevel } from '../../shared/logger.ts';
import type { ExchangeMode } from '../entra/settings.ts';
import type { PassThroughMode } from '../http/pass-through-gate.ts';
import type { IdentityBinding } from './config-binding.ts';
import type { Endpoint } from './options-address.ts';
import type { ConfiguredIdentity } from './options-identity.ts';

/** Everything that can be set, checked and in the form in which it is used. Frozen. */
export interface ProxyConfig {
  readonly logLevel: LogLevel;
  /** Where applications are answered. */
  readonly listen: Endpoint;
  /** Hosts that clients may address beside the metadata address and loopback, in lower case. */
  readonly allowedHosts: readonly string[];
  /** The secret of App Service's token path, which is not served without one. Never logged. */
  readonly identityHeader: string | undefined;
  /** Undefined if turned off. */
  readonly admin: Endpoint | undefined;
  readonly runtimeMetrics: boolean;

  readonly defaultClientId: string | undefined;
  readonly tenantId: string;
  readonly identities: readonly ConfiguredIdentity[];
  readonly allowedClientIds: readonly string[] | undefined;
  readonly allowedResources: readonly string[] | undefined;

  readonly authorityHost: string;
  /** Region whose authority is asked in its place. */
  readonly regionalAuthority: string | undefined;
  readonly federatedTokenFile: string;
  /** Of identities without one of their own. */
  readonly exchangeMode: ExchangeMode;
  /** There if any identity is exchanged through it. */
  readonly identityBinding: IdentityBinding | undefined;
  readonly network: NetworkSettings;

  readonly passthrough: PassThroughMode;
  readonly metadataEndpoint: Endpoint;

  readonly drain: DrainSettings;
}

/** How Entra is reached. The URLs of proxies may hold a password. */
export interface NetworkSettings {
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
  readonly noProxy: string | undefined;
  readonly tokenProxyViaHttpProxy: boolean;
  readonly extraCaCertsFile: string | undefined;
}

export interface DrainSettings {
  /** Undefined: chosen by whether the application can be seen (process/shutdown.ts). */
  readonly quietMs: number | undefined;
  readonly deadlineMs: number | undefined;
}
