import { readFileSync } from 'node:fs';
import type { Logger } from '../../shared/logger.ts';
import type { Nft } from '../backends/nft.ts';
import { InitFailure, toInitFailure } from '../failures.ts';
import { findDifference } from '../rules/difference.ts';
import { parseNftTable } from '../rules/nft.ts';
import { packetTable, toPacketGuardChains, toPacketGuardText } from '../rules/packet-guard.ts';
import type { Redirect } from '../rules/ruleset.ts';
import { linksFile, parseLinkNames } from './node-namespace.ts';

/**
 * Puts the packet guard into force on every link that is there now, or takes it away.
 * @throws InitFailure `no-packet-guard` if the kernel cannot; the guard before it, if any, stays
 */
export async function applyPacketGuard(redirect: Redirect, nft: Nft, log: Logger): Promise<void> {
  if (!redirect.guardsPackets) {
    await removePacketGuard(nft, log);
    return;
  }
  const links = readLinks();
  await nft(['-f', '-'], toPacketGuardText(redirect, links)).catch((error: unknown) => {
    const failure = toInitFailure(error);
    if (failure.kind === 'no-net-admin' || failure.kind === 'no-binary') throw failure;
    throw new InitFailure('no-packet-guard', { stderr: failure.detail }, { cause: error });
  });
  await checkPacketGuard(redirect, nft);
  log.log('info', 'packet guard in force', { links: links.join(', ') });
}

/** @throws InitFailure `rules-differ` */
export async function checkPacketGuard(redirect: Redirect, nft: Nft): Promise<void> {
  if (!redirect.guardsPackets) return;
  const text = (await isPresent(nft))
    ? await nft(['-y', 'list', 'table', 'netdev', packetTable])
    : '';
  const wanted = toPacketGuardChains(redirect, readLinks());
  const difference = findDifference(wanted, parseNftTable(text).listing);
  if (difference !== undefined) {
    throw new InitFailure('rules-differ', { difference: `packet guard: ${difference}` });
  }
}

/** @returns whether there was one */
export async function removePacketGuard(nft: Nft, log: Logger): Promise<boolean> {
  if (!(await isPresent(nft))) return false;
  await nft(['delete', 'table', 'netdev', packetTable]);
  log.log('info', 'packet guard removed');
  return true;
}

/** False where nf_tables or nft is missing. */
async function isPresent(nft: Nft): Promise<boolean> {
  const tables = await nft(['list', 'tables']).catch((error: unknown) => {
    const { kind } = toInitFailure(error);
    if (kind === 'no-binary' || kind === 'no-netfilter') return '';
    throw error;
  });
  return tables.split('\n').includes(`table netdev ${packetTable}`);
}

function readLinks(): readonly string[] {
  const links = parseLinkNames(readFileSync(linksFile, 'utf8'))
    .filter((link) => link !== 'lo')
    .toSorted();
  // nft has no way to write such a name.
  const odd = links.find((link) => link.includes('"'));
  if (odd !== undefined) throw new InitFailure('no-packet-guard', { stderr: `the link ${odd}` });
  return links;
}
