import type { Logger } from '../../shared/logger.ts';
import type { Backend } from '../backends/backend.ts';
import { InitFailure } from '../failures.ts';
import { capturesAll, findCapture, type HookedChain, type Packets } from '../rules/foreign.ts';
import { formatNetwork } from '../rules/network.ts';
import type { Redirect } from '../rules/ruleset.ts';
import { type Surveyed, toSnapshots } from './survey.ts';
import type { Credentials } from './verify.ts';

/**
 * Makes sure that no rule of another program runs before ours and takes connections to the metadata address,
 * for whatever user. A connection can prove the redirect for the user of proxy-init only.
 * @param isProven whether a connection of ours has come out at the proxy
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
    // Of two chains of equal priority the one registered last runs first, which no listing shows. The
    // connection that came out at the proxy does, if this chain would have taken it.
    const isTied = hooked.priority === inForce.priority && !isOwnChain;
    if (isTied && isProven && capturesAll(hooked, { ...packets, uid, gid })) continue;
    const isUnknown = (capture.isUncertain && !hooked.isNat) || (isTied && !isProven);
    if (!isUnknown) throw new InitFailure('not-first', details);
    log.log('warning', 'a rule of another program may run before the redirect', details);
  }
  if (
    !survey.some(({ backend, found }) => backend.name === 'nft' && !(found instanceof InitFailure))
  )
    log.log('warning', 'rules of native nft tables, if any, cannot be seen');
}

/** Whether only native nft, which runs before both variants of iptables, is sure to be first. */
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

/** The chains at OUTPUT. What iptables shows of its own says more than what nft shows of it. */
function toHookedChains(survey: readonly Surveyed[]): readonly HookedChain[] {
  const all = toSnapshots(survey).flatMap(({ snapshot }) => snapshot.hooked);
  const names = new Set(all.map(({ name }) => name));
  return all.filter(({ name }) => {
    const asIptables = name.replace(/^nft ip (\w+ OUTPUT)$/, 'iptables $1');
    return asIptables === name || !names.has(asIptables);
  });
}
