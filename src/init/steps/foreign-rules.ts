import type { Logger } from '../../shared/logger.ts';
import type { Backend } from '../backends/backend.ts';
import { InitFailure } from '../failures.ts';
import { capturesAll, findCapture, type HookedChain, type Packets } from '../rules/foreign.ts';
import { formatNetwork } from '../rules/network.ts';
import type { Redirect } from '../rules/ruleset.ts';
import { type Surveyed, toSnapshots } from './survey.ts';
import type { Credentials } from './verify.ts';

/**
 * Makes sure that no rule of another program runs before ours and can take connections to the metadata
 * address, for any user. A connection proves the redirect for the user of proxy-init only.
 * @param isProven whether a connection of proxy-init came out at the proxy
 * @throws InitFailure `not-first`
 */
export function verifyPrecedence(
  redirect: Redirect,
  inForce: Backend,
  survey: readonly Surveyed[],
  { uid, gid }: Credentials,
  isProven: boolean,
  log: Logger,
): void {
  const packets = toPackets(redirect);
  const address = redirect.destinations.map(formatNetwork).join(', ');
  for (const hooked of toHookedChains(survey)) {
    const isOwnChain = hooked.name === `${inForce.name} nat OUTPUT`;
    const isGuardChain =
      hooked.name === `${inForce.name} filter OUTPUT` && redirect.guard !== 'off';
    if (hooked.priority > inForce.priority && !isGuardChain) continue;
    const seen = isGuardChain ? { destinations: redirect.destinations } : packets;
    const capture = findCapture(hooked, seen, isOwnChain || isGuardChain);
    if (capture === undefined) continue;
    const details = { place: hooked.name, address, rule: capture.text };
    // Of two chains of equal priority the one registered last runs first, and no listing shows which. But if
    // this chain would have taken the connection that came out at the proxy, ours runs first.
    const isTied = hooked.priority === inForce.priority && !isOwnChain;
    if (isTied && isProven && capturesAll(hooked, { ...packets, uid, gid })) continue;
    const isUnknown = (capture.isUncertain && !hooked.isNat) || (isTied && !isProven);
    if (!isUnknown) throw new InitFailure('not-first', details);
    log.log('warning', 'a rule of another program may run before the redirect', details);
  }
  const nft = survey.find(({ backend }) => backend.name === 'nft')?.found;
  // A kernel without nf_tables has no such rules.
  if (nft instanceof InitFailure && nft.kind !== 'no-netfilter') {
    log.log('warning', 'native nft rules of other programs cannot be read', { reason: nft.detail });
  }
}

/** A chain that may run before `backend`'s at the same priority, and take connections. */
export function findRival(
  redirect: Redirect,
  survey: readonly Surveyed[],
  backend: Backend,
): HookedChain | undefined {
  return toHookedChains(survey).find(
    (hooked) =>
      hooked.isNat &&
      hooked.priority === backend.priority &&
      hooked.name !== `${backend.name} nat OUTPUT` &&
      findCapture(hooked, toPackets(redirect), false) !== undefined,
  );
}

function toPackets({ destinations, ports }: Redirect): Packets {
  return { destinations, protocol: 'tcp', ports };
}

/** The chains at OUTPUT, each once: iptables shows more of the rules that it wrote than nft does. */
function toHookedChains(survey: readonly Surveyed[]): readonly HookedChain[] {
  const all = toSnapshots(survey).flatMap(({ snapshot }) => snapshot.hooked);
  const names = new Set(all.map(({ name }) => name));
  return all.filter(({ name }) => {
    const asIptables = name.replace(/^nft ip (\w+ OUTPUT)$/, 'iptables $1');
    return asIptables === name || !names.has(asIptables);
  });
}
