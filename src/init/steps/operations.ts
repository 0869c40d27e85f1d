import type { LogFields, Logger } from '../../shared/logger.ts';
import type { Backend, Snapshot } from '../backends/backend.ts';
import type { Nft } from '../backends/nft.ts';
import type { RunProgram } from '../backends/program.ts';
import type { InitConfig } from '../config.ts';
import { InitFailure } from '../failures.ts';
import { findDifference } from '../rules/difference.ts';
import { noLeftovers, toRestoreText } from '../rules/iptables.ts';
import { formatNetwork, formatRange } from '../rules/network.ts';
import { toNftText } from '../rules/nft.ts';
import { toPacketGuardText } from '../rules/packet-guard.ts';
import { toRuleset } from '../rules/ruleset.ts';
import { applyRuleset, replaceRules } from './apply.ts';
import { findRival, verifyPrecedence } from './foreign-rules.ts';
import { refuseNodeNamespace } from './node-namespace.ts';
import { warnOfOpenConnections } from './open-connections.ts';
import { applyPacketGuard, checkPacketGuard, removePacketGuard } from './packet-guard.ts';
import { ensureRoutes, removeRoutes } from './route.ts';
import { findBlindness, type Surveyed, surveyBackends, toSnapshots } from './survey.ts';
import { type Credentials, verifyRedirect } from './verify.ts';

/** What the operations work with. */
export interface Tools {
  /** In the order in which they are tried. */
  readonly backends: readonly Backend[];
  readonly nft: Nft;
  readonly run: RunProgram;
  readonly credentials: Credentials;
  readonly log: Logger;
}

/** Puts the redirect into force and proves it. @returns the result in a sentence */
export async function applyRedirect(config: InitConfig, tools: Tools): Promise<string> {
  const { log, backends, nft, run } = tools;
  const { redirect } = config;
  log.log('info', 'settings are valid', toSettingFields(config));
  const ruleset = toRuleset(redirect);
  const survey = await surveyBackends(backends);
  refuseNodeNamespace(ruleset, config.allowHostNetwork, survey, log);
  const tried = config.backend === 'auto' ? sortByRivals(config, survey, log) : survey;
  const { backend, snapshot } = await applyRuleset(ruleset, config.backend, tried, log);
  logRules('rules in force', backend, snapshot, log);
  await applyPacketGuard(redirect, nft, log);
  await ensureRoutes(redirect, config.route === 'auto', run, log);
  await verify(config, backend, snapshot, tools);
  warnOfOpenConnections(redirect, log);
  return toResult(config, backend);
}

/** Proves that the redirect is in force as configured, once, and changes nothing. @returns as `applyRedirect` */
export async function checkRedirect(config: InitConfig, tools: Tools): Promise<string> {
  const { log, backends, nft, run } = tools;
  const survey = await surveyBackends(backends);
  const { backend, snapshot } = findOnlyHolder(config, survey);
  const wanted = backend.toListing(toRuleset(config.redirect));
  const difference = findDifference(wanted, snapshot.listing);
  if (difference !== undefined) throw new InitFailure('rules-differ', { difference });
  await checkPacketGuard(config.redirect, nft);
  logRules('rules are as configured', backend, snapshot, log);
  await ensureRoutes(config.redirect, false, run, log);
  await verify(config, backend, snapshot, tools);
  return toResult(config, backend);
}

function toResult({ redirect, verify: mode }: InitConfig, { name }: Backend): string {
  const { from, to } = toEnds(redirect);
  const proof = mode === 'off' ? 'not verified by a connection' : 'verified by a connection';
  return `The redirect of ${from.replaceAll('/32', '')} to ${to} is in force (${name}, ${proof}).`;
}

/** Removes everything of ours, and of upstream's script, from every backend. @returns as `applyRedirect` */
export async function removeRedirect({ backends, nft, run, log }: Tools): Promise<string> {
  const survey = await surveyBackends(backends);
  const blindness = findBlindness(survey);
  if (blindness !== undefined) throw blindness;
  const present = toSnapshots(survey).filter(({ snapshot }) => snapshot.isPresent);
  for (const { backend, snapshot } of present) {
    await replaceRules(backend, undefined, snapshot);
    log.log('info', 'rules removed', { backend: backend.name });
  }
  const hadPacketGuard = await removePacketGuard(nft, log);
  const routes = await removeRoutes(run, log);
  if (present.length + routes === 0 && !hadPacketGuard) log.log('info', 'nothing to remove');
  return 'There is no redirect any more.';
}

/** The rules as text for the backend's own program, as for a namespace without any; needs no permission. */
export function formatRules({ redirect, backend }: InitConfig): string {
  const ruleset = toRuleset(redirect);
  // The links are those of the pod, which nobody knows here.
  const packetGuard = redirect.guardsPackets
    ? `# nft -f -, for each link of the pod\n${toPacketGuardText(redirect, ['eth0'])}`
    : '';
  switch (backend) {
    case 'nft':
      return `# nft -f -\n${toNftText(ruleset)}${packetGuard}`;
    case 'iptables-legacy':
      return `# iptables-legacy-restore --noflush\n${toRestoreText(ruleset, noLeftovers)}${packetGuard}`;
    case 'iptables':
    case 'auto':
      return `# iptables-nft-restore --noflush\n${toRestoreText(ruleset, noLeftovers)}${packetGuard}`;
  }
}

function toSettingFields({ redirect, backend }: InitConfig): LogFields {
  const { exemption, guard, forwarded } = redirect;
  return {
    ...toEnds(redirect),
    exempt: exemption.kind,
    guard,
    forwarded,
    backend,
  };
}

function toEnds({ destinations, ports, target }: InitConfig['redirect']) {
  return {
    from: `${destinations.map(formatNetwork).join(',')}:${formatRange(ports, '-')}`,
    to: `${target.kind === 'local' ? '127.0.0.1' : target.address}:${target.port}`,
  };
}

/** Native nft comes first if, with the backend before it, a rule of the other variant might run first. */
function sortByRivals(
  { redirect }: InitConfig,
  survey: readonly Surveyed[],
  log: Logger,
): readonly Surveyed[] {
  const [first] = survey;
  const rival = first && findRival(redirect, survey, first.backend);
  if (rival === undefined) return survey;
  log.log('info', 'nft is tried first, because other rules run at the priority of iptables', {
    place: rival.name,
  });
  return survey.toSorted((a, b) => a.backend.priority - b.backend.priority);
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
  } else {
    const readOutput = async (): Promise<string> => {
      const snapshots = toSnapshots(await surveyBackends(backends));
      const lines = snapshots.flatMap(({ backend: { name }, snapshot }) =>
        snapshot.outputLines.map((line) => `${name}: ${line}`),
      );
      return lines.join('; ') || 'empty';
    };
    await verifyRedirect(redirect, { backend, redirectedPackets, readOutput }, credentials, log);
  }
  const survey = await surveyBackends(backends);
  verifyPrecedence(redirect, backend, survey, credentials, mode === 'auto', log);
}

function logRules(message: string, backend: Backend, { lines }: Snapshot, log: Logger): void {
  log.log('info', message, { backend: backend.name, rules: lines.join('\n') });
}
