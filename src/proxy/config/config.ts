import type { LogFields } from '../../shared/logger.ts';
import type { Option } from '../../shared/option-table.ts';
import { type Environment, isComplete, parseOptions } from '../../shared/options.ts';
import { findUnknownVariables } from '../../shared/unknown-variables.ts';
import { toIdentityBinding } from './binding.ts';
import { findAudienceRisks, toEntraSettings } from './exchange-settings.ts';
import { ownPrefix, proxyOptions } from './options.ts';
import type { ProxyConfig, Settings } from './proxy-config.ts';
import { findConflicts, findRisks } from './rules.ts';

/** What the command line and the environment ask for. */
export type LoadedConfig =
  | {
      readonly kind: 'config';
      /** Frozen, all of it. */
      readonly config: ProxyConfig;
      /** What works, but is probably a mistake or not safe. */
      readonly warnings: readonly string[];
      /** The effective configuration as log fields, without secrets. */
      readonly fields: LogFields;
    }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  /** The command line is malformed. */
  | { readonly kind: 'usage'; readonly error: string }
  /** One message for each invalid setting: name, fault, fix. */
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

/** Reads all settings and checks them, each by itself and all together. */
export function loadConfig(argv: readonly string[], env: Environment): LoadedConfig {
  const parsed = parseOptions(proxyOptions, argv, env);
  if (parsed.kind !== 'options') return parsed;
  const { values, rest, names } = parsed;
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

  const config: ProxyConfig = deepFreeze({
    ...parsed.values,
    identities: parsed.values.identities ?? [],
    exchangeMode: mode,
    binding,
  });
  return {
    kind: 'config',
    config,
    warnings: [
      ...unknown.warnings,
      ...parsed.warnings,
      ...found.warnings,
      ...findAudienceRisks(config),
      ...findRisks(config, names, env),
    ],
    fields: toFields(config),
  };
}

function toFields(config: ProxyConfig): LogFields {
  const fields: Record<string, string | number | boolean | undefined> = {};
  for (const [key, option] of Object.entries<Option>(proxyOptions)) {
    const value: unknown = config[key as keyof Settings];
    // --probe and --version are commands, not settings.
    if (value === undefined || option.env === undefined) continue;
    fields[toSnakeCase(key)] = showSetting(option, value);
  }
  const { authorityHost, httpProxy, tokenProxy } = toEntraSettings(config);
  return {
    ...fields,
    authority_host: authorityHost,
    exchange_mode: config.exchangeMode,
    token_proxy_ca: tokenProxy?.ca.kind,
    entra_via: toHost(httpProxy),
    token_proxy_via: toHost(tokenProxy?.httpProxy),
  };
}

function toSnakeCase(name: string): string {
  let snake = '';
  for (const letter of name) {
    snake += letter >= 'A' && letter <= 'Z' ? `_${letter.toLowerCase()}` : letter;
  }
  return snake;
}

/** The value of a setting as logs and people may see it. */
export function showSetting(option: Option, value: unknown): string | number | boolean {
  if (option.secret === true) return 'set';
  const shown = option.type.show?.(value);
  if (shown !== undefined) return shown;
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
}

/** Host and port of a URL, which are not secret. */
function toHost(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).host;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
