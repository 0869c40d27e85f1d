import type { LogLevel } from '../shared/logger.ts';
import type { Values } from '../shared/option-table.ts';
import { type Environment, isComplete, resolveOptions } from '../shared/options.ts';
import { findUnknownVariables } from '../shared/unknown-variables.ts';
import type { BackendChoice } from './backends/backend.ts';
import { InitFailure } from './failures.ts';
import { initOptions } from './options.ts';
import {
  formatNetwork,
  isAddress,
  isInNetwork,
  isInRange,
  isSingle,
  type Network,
} from './rules/network.ts';
import type { Exemption, Redirect } from './rules/ruleset.ts';

/** The settings of proxy-init, understood. */
export interface InitConfig {
  readonly redirect: Redirect;
  readonly backend: BackendChoice;
  readonly verify: 'auto' | 'off';
  readonly route: 'auto' | 'off';
  readonly lockWaitSeconds: number;
  readonly allowHostNetwork: boolean;
}

/** Where and how proxy-init reports its actions. */
export interface OutputSettings {
  readonly format: 'text' | 'json';
  readonly level: LogLevel;
  readonly terminationLog: string;
}

/**
 * Flags before environment before defaults.
 * @throws InitFailure `bad-value` that names every setting at fault
 */
export function toInitConfig(texts: ReadonlyMap<string, string>, env: Environment): InitConfig {
  const resolution = resolveOptions(initOptions, texts, env);
  const unknown = findUnknownVariables(initOptions, env, {
    prefix: 'INIT_',
    program: 'proxy-init',
  });
  const errors = [...resolution.errors, ...unknown.errors];
  if (!isComplete(resolution) || errors.length > 0) throw toFailure(errors);
  const { values } = resolution;
  const redirect: Redirect = {
    destinations: toDistinct(values.metadataIp),
    ports: values.metadataPort,
    target:
      values.proxyHost === undefined
        ? { kind: 'local', port: values.proxyPort }
        : { kind: 'remote', address: values.proxyHost, port: values.proxyPort },
    exemption: toExemption(values),
    guard: values.guard,
    forwarded: values.forwarded,
    guardsPackets: values.packetGuard === 'on',
  };
  const faults = findConflicts(redirect, resolution.names);
  if (faults.length > 0) throw toFailure(faults);
  return {
    redirect,
    backend: values.backend,
    verify: values.verify,
    route: values.route,
    lockWaitSeconds: values.lockWait,
    allowHostNetwork: values.allowHostNetwork,
  };
}

/** Never fails: if one of these settings is invalid, that too must be reported somewhere. */
export function toOutputSettings(
  texts: ReadonlyMap<string, string>,
  env: Environment,
): OutputSettings {
  const { logFormat, logLevel, terminationLog } = initOptions;
  const { values } = resolveOptions({ logFormat, logLevel, terminationLog }, texts, env);
  return {
    format: values.logFormat ?? 'text',
    level: values.logLevel ?? 'info',
    terminationLog: values.terminationLog ?? terminationLog.default,
  };
}

function toDistinct(networks: readonly Network[]): readonly Network[] {
  return [...new Map(networks.map((network) => [formatNetwork(network), network])).values()];
}

function toExemption(values: Values<typeof initOptions>): Exemption {
  // A proxy in another namespace meets no rule here, so nobody here needs to be exempt.
  const kind = values.exempt ?? (values.proxyHost === undefined ? 'uid' : 'none');
  switch (kind) {
    case 'uid':
      return { kind, uid: values.proxyUid };
    case 'uid+gid':
      return { kind, uid: values.proxyUid, gid: values.proxyGid };
    case 'alias-port':
      return { kind, port: values.aliasPort };
    case 'none':
      return { kind };
  }
}

function findConflicts(
  redirect: Redirect,
  names: Readonly<Record<keyof typeof initOptions, string>>,
): readonly string[] {
  const { destinations, ports, target, exemption, guard } = redirect;
  const faults: string[] = [];
  const areAddresses = destinations.every(isAddress);
  if (target.kind === 'remote') {
    const { address } = target;
    if (destinations.some((destination) => isInNetwork(address, destination))) {
      faults.push(
        `${names.proxyHost}: "${address}" is itself redirected; set the proxy's own address`,
      );
    }
  }
  if (exemption.kind === 'alias-port') {
    if (!areAddresses || !isSingle(ports)) {
      faults.push(
        `${names.exempt}: "alias-port" needs one port and no network; set ${names.metadataIp} and ${names.metadataPort} so`,
      );
    }
    if (isInRange(exemption.port, ports)) {
      faults.push(`${names.aliasPort}: "${exemption.port}" is itself redirected; set another port`);
    }
  }
  if (redirect.guardsPackets && guard === 'off') {
    faults.push(`${names.packetGuard}: "on" needs a guard; set ${names.guard} to imds`);
  }
  if (redirect.guardsPackets && exemption.kind === 'alias-port') {
    faults.push(
      `${names.packetGuard}: "on" cannot tell the proxy from others by a port; set ${names.exempt} to uid, uid+gid or none`,
    );
  }
  if (guard !== 'off' && !areAddresses) {
    faults.push(
      `${names.guard}: "${guard}" would refuse whole networks; set plain addresses in ${names.metadataIp}`,
    );
  }
  return faults;
}

function toFailure(faults: readonly string[]): InitFailure {
  return new InitFailure('bad-value', { faults: faults.map(endSentence).join(' ') });
}

function endSentence(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}
