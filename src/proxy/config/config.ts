import type { LogFields } from '../../shared/logger.ts';
import type { Values } from '../../shared/option-table.ts';
import { type Environment, isComplete, parseOptions } from '../../shared/options.ts';
import { findUnknownVariables } from '../../shared/unknown-variables.ts';
import type { ExchangeMode } from '../entra/settings.ts';
import { type IdentityBinding, toIdentityBinding } from './config-binding.ts';
import { findAudienceRisks } from './config-exchange.ts';
import { toConfigFields } from './config-fields.ts';
import { findConflicts, findRisks } from './config-rules.ts';
import { ownPrefix, proxyOptions } from './options.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** What a command line and an environment ask the proxy to do. */
export type LoadedConfig =
  | {
      readonly kind: 'config';
      readonly config: ProxyConfig;
      /** What works but is probably not meant. */
      readonly warnings: readonly string[];
      /** The effective configuration for the log, without secrets. */
      readonly fields: LogFields;
    }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  /** The command line is not well formed. */
  | { readonly kind: 'usage'; readonly error: string }
  /** Values are at fault: one message for each, with the key, the fault and the fix. */
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

/** Reads the configuration and checks it, each value by itself and all of them together. */
export function loadConfig(argv: readonly string[], env: Environment): LoadedConfig {
  const parsed = parseOptions(proxyOptions, argv, env);
  if (parsed.kind !== 'options') return parsed;
  const { values, rest } = parsed;
  if (rest.length > 0)
    return { kind: 'usage', error: `unexpected argument ${JSON.stringify(rest[0])}` };
  if (values.version === true && values.probe === true) {
    return { kind: 'usage', error: '--version and --probe exclude each other' };
  }
  if (values.version === true) return { kind: 'version' };

  const { mode, binding, ...found } = toIdentityBinding(parsed);
  const unknown = findUnknownVariables(proxyOptions, env, { prefix: ownPrefix, program: 'proxy' });
  const errors = [...parsed.errors, ...findConflicts(parsed), ...found.errors, ...unknown.errors];
  if (!isComplete(parsed) || errors.length > 0) return { kind: 'invalid', errors };

  const config = toConfig(parsed.values, mode, binding);
  return {
    kind: 'config',
    config,
    warnings: [
      ...unknown.warnings,
      ...parsed.warnings,
      ...found.warnings,
      ...findAudienceRisks(config),
      ...findRisks(config, env),
    ],
    fields: toConfigFields(config),
  };
}

function toConfig(
  values: Values<typeof proxyOptions>,
  exchangeMode: ExchangeMode,
  identityBinding: IdentityBinding | undefined,
): ProxyConfig {
  return deepFreeze({
    logLevel: values.logLevel,
    listen: { address: values.bindAddress, port: values.proxyPort },
    allowedHosts: values.allowedHosts ?? [],
    identityHeader: values.identityHeader,
    admin:
      values.adminPort === 0 ? undefined : { address: values.adminAddress, port: values.adminPort },
    runtimeMetrics: values.runtimeMetrics,
    defaultClientId: values.clientId,
    tenantId: values.tenantId,
    identities: values.identities ?? [],
    allowedClientIds: values.allowedClientIds,
    allowedResources: values.allowedResources,
    authorityHost: values.authorityHost,
    regionalAuthority: values.regionalAuthority,
    federatedTokenFile: values.federatedTokenFile,
    exchangeMode,
    identityBinding,
    network: {
      httpsProxy: values.httpsProxy,
      httpProxy: values.httpProxy,
      noProxy: values.noProxy,
      tokenProxyViaHttpProxy: values.tokenProxyViaHttpProxy,
      extraCaCertsFile: values.extraCaCertsFile,
    },
    passthrough: values.passthrough,
    metadataEndpoint: values.metadataEndpoint,
    drain: { quietMs: values.drainQuiet, deadlineMs: values.drainDeadline },
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
