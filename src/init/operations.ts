import { readFile } from 'node:fs/promises';
import type { LogFields, Logger } from '../shared/logger.ts';
import { applyRuleset } from './apply.ts';
import { type Backend, noLeftovers, type Snapshot } from './backend.ts';
import type { InitConfig } from './config.ts';
import { findDifference } from './difference.ts';
import { InitFailure } from './failures.ts';
import { toRestoreText } from './iptables-text.ts';
import { formatNetwork, formatRange } from './network.ts';
import { toNftText } from './nft-text.ts';
import { findNodeTrait, parseLinkNames } from './node-namespace.ts';
import { toRuleset } from './redirect-rules.ts';
import { replaceRules } from './replace.ts';
import { findBlindness, type Surveyed, surveyBackends, toSnapshots } from './survey.ts';
import { type Credentials, verifyRedirect } from './verify.ts';

/** What the operations work with. */
export interface Tools {
  /** In the order in which they are tried. */
  readonly backends: readonly Backend[];
  readonly credentials: Credentials;
  readonly log: Logger;
}

/** Puts the redirect into force and proves it. */
export async function applyRedirect(config: InitConfig, tools: Tools): Promise<void> {
  const { log } = tools;
  log.log('info', 'settings are valid', toSettingFields(config));
  const survey = await surveyBackends(tools.backends);
  await refuseNodeNamespace(config, survey, log);
  const ruleset = toRuleset(config.redirect);
  const { backend, snapshot } = await applyRuleset(ruleset, config.backend, survey, log);
  logRules('rules in force', backend, snapshot, log);
  await verify(config, backend, snapshot, tools);
}

/** Proves that the redirect is in force as configured, once, and changes nothing. */
export async function checkRedirect(config: InitConfig, tools: Tools): Promise<void> {
  const survey = await surveyBackends(tools.backends);
  const { backend, snapshot } = findOnlyHolder(config, survey);
  const difference = findDifference(toRuleset(config.redirect), snapshot);
  if (difference !== undefined) throw new InitFailure('rules-differ', { difference });
  logRules('rules are as configured', backend, snapshot, tools.log);
  await verify(config, backend, snapshot, tools);
}

/** Takes away everything of ours, and of upstream's script, from every backend. */
export async function removeRedirect({ backends, log }: Tools): Promise<void> {
  const survey = await surveyBackends(backends);
  const blindness = findBlindness(survey);
  if (blindness !== undefined) throw blindness;
  const present = toSnapshots(survey).filter(({ snapshot }) => snapshot.isPresent);
  for (const { backend, snapshot } of present) {
    await replaceRules(backend, undefined, snapshot);
    log.log('info', 'rules removed', { backend: backend.name });
  }
  if (present.length === 0) log.log('info', 'nothing to remove');
}

/** The rules as text for the backend's own program, as for a namespace that holds none; needs no right. */
export function formatRules({ redirect, backend }: InitConfig): string {
  const ruleset = toRuleset(redirect);
  switch (backend) {
    case 'nft':
      return `# nft -f -\n${toNftText(ruleset)}`;
    case 'iptables-legacy':
      return `# iptables-legacy-restore --noflush\n${toRestoreText(ruleset, noLeftovers)}`;
    case 'iptables':
    case 'auto':
      return `# iptables-nft-restore --noflush\n${toRestoreText(ruleset, noLeftovers)}`;
  }
}

function toSettingFields({ redirect, backend }: InitConfig): LogFields {
  const { destinations, ports, target, exemption, guard } = redirect;
  return {
    from: `${destinations.map(formatNetwork).join(',')}:${formatRange(ports, '-')}`,
    to: `${target.kind === 'local' ? '127.0.0.1' : target.address}:${target.port}`,
    exempt: exemption.kind,
    guard,
    backend,
  };
}

async function refuseNodeNamespace(
  { allowHostNetwork }: InitConfig,
  survey: readonly Surveyed[],
  log: Logger,
): Promise<void> {
  const chainNames = toSnapshots(survey).flatMap(({ snapshot }) => snapshot.chainNames);
  const linkNames = parseLinkNames(await readFile('/proc/net/dev', 'utf8'));
  const trait = findNodeTrait(chainNames, linkNames);
  if (trait === undefined) {
    log.log('info', "this is no node's network namespace");
    return;
  }
  log.log('warning', "this looks like a node's network namespace", { seen: trait });
  if (!allowHostNetwork) throw new InitFailure('host-namespace');
}

function findOnlyHolder(
  config: InitConfig,
  survey: readonly Surveyed[],
): { readonly backend: Backend; readonly snapshot: Snapshot } {
  const holders = toSnapshots(survey).filter(({ snapshot }) => snapshot.isPresent);
  const [holder] = holders;
  if (holder === undefined) {
    const difference = 'there is no rule of it';
    throw findBlindness(survey) ?? new InitFailure('rules-differ', { difference });
  }
  const names = holders.map(({ backend }) => backend.name);
  if (names.length > 1) {
    throw new InitFailure('rules-differ', {
      difference: `each of ${names.join(' and ')} holds one`,
    });
  }
  if (config.backend !== 'auto' && config.backend !== holder.backend.name) {
    const difference = `it is held by ${holder.backend.name}, not by ${config.backend}`;
    throw new InitFailure('rules-differ', { difference });
  }
  return holder;
}

async function verify(
  { redirect, verify: mode }: InitConfig,
  backend: Backend,
  { redirectedPackets }: Snapshot,
  { backends, credentials, log }: Tools,
): Promise<void> {
  if (mode === 'off') {
    log.log('warning', 'not verified by a connection: INIT_VERIFY=off');
    return;
  }
  const readOutput = async (): Promise<string> => {
    const snapshots = toSnapshots(await surveyBackends(backends));
    const lines = snapshots.flatMap(({ backend: { name }, snapshot }) =>
      snapshot.outputLines.map((line) => `${name}: ${line}`),
    );
    return lines.join('; ') || 'empty';
  };
  await verifyRedirect(redirect, { backend, redirectedPackets, readOutput }, credentials, log);
}

function logRules(message: string, backend: Backend, { lines }: Snapshot, log: Logger): void {
  log.log('info', message, { backend: backend.name, rules: lines.join('\n') });
}
