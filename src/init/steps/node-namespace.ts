import { readFileSync } from 'node:fs';
import type { Logger } from '../../shared/logger.ts';
import { InitFailure } from '../failures.ts';
import { findDifference } from '../rules/difference.ts';
import type { Ruleset } from '../rules/ruleset.ts';
import { type Surveyed, toSnapshots } from './survey.ts';

/**
 * Refuses to work in a node's own network namespace, where the redirect would capture every pod. A namespace
 * in which our rules are in force as configured is our pod's, whatever runs in it by now: Docker and
 * Kubernetes in a pod make the same chains and links as on a node.
 * @throws InitFailure `host-namespace`
 */
export function refuseNodeNamespace(
  ruleset: Ruleset,
  allowHostNetwork: boolean,
  survey: readonly Surveyed[],
  log: Logger,
): void {
  const snapshots = toSnapshots(survey);
  const chainNames = snapshots.flatMap(({ snapshot }) => snapshot.chainNames);
  const trait = findNodeTrait(chainNames, parseLinkNames(readFileSync(linksFile, 'utf8')));
  if (trait === undefined) {
    log.log('info', "this is not a node's network namespace");
    return;
  }
  const isInForce = snapshots.some(
    ({ backend, snapshot }) =>
      findDifference(backend.toListing(ruleset), snapshot.listing) === undefined,
  );
  if (isInForce) {
    log.log('info', 'the redirect is already in force here, so this is a pod', { seen: trait });
    return;
  }
  log.log('warning', "this looks like a node's network namespace", { seen: trait });
  if (!allowHostNetwork) throw new InitFailure('host-namespace');
}

/** Links that container runtimes and network plugins make on nodes, and never in pods. */
const nodeLinks = new Set(['docker0', 'cni0', 'cbr0', 'kube-ipvs0', 'cilium_host']);

/**
 * The sign that a network namespace is a node's: a chain of the kubelet or kube-proxy, or a link that only
 * nodes have. Comparing a link's index with its peer's shows nothing: both can be 2 in a pod.
 */
export function findNodeTrait(
  chainNames: readonly string[],
  linkNames: readonly string[],
): string | undefined {
  const chain = chainNames.find((name) => name.startsWith('KUBE-'));
  if (chain !== undefined) return `chain ${chain}`;
  const link = linkNames.find((name) => nodeLinks.has(name));
  return link === undefined ? undefined : `link ${link}`;
}

/** It follows the process's network namespace, which /sys, mounted once, does not always do. */
export const linksFile = '/proc/net/dev';

/** The names of the network links in the text of that file. */
export function parseLinkNames(text: string): readonly string[] {
  return [...text.matchAll(/^\s*([^\s:|]+):/gm)].map(([, name = '']) => name);
}
