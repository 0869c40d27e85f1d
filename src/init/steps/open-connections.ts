import { readFileSync } from 'node:fs';
import type { Logger } from '../../shared/logger.ts';
import { isInNetwork, isInRange } from '../rules/network.ts';
import type { Redirect } from '../rules/ruleset.ts';
import { isExempt } from './verify.ts';

/**
 * Warns about connections to the metadata service that are older than the redirect: they keep the node's
 * identity. The guard cuts them; without it nothing can.
 */
export function warnOfOpenConnections(redirect: Redirect, log: Logger): void {
  if (redirect.guard !== 'off') return;
  const text = ['/proc/net/tcp', '/proc/net/tcp6'].map(readIfPresent).join('');
  const open = findOpenConnections(text, redirect);
  if (open.length === 0) return;
  log.log(
    'warning',
    'connections that were open before the redirect may keep the identity of the node',
    {
      count: open.length,
      to: [...new Set(open)].join(', '),
      fix: 'put proxy-init before what opened them, or set INIT_GUARD=imds, which cuts them',
    },
  );
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A kernel without IPv6 has no tcp6.
    return '';
  }
}

/** The remote ends, as `address:port`, of established connections that the redirect would have taken. */
export function findOpenConnections(
  text: string,
  { destinations, ports, exemption }: Redirect,
): readonly string[] {
  // sl, local, remote, state (01 is established), queues, timer, retransmits, uid; addresses are little-endian.
  const pattern =
    /^ *\d+: [0-9A-F]+:[0-9A-F]{4} (?:0{16}FFFF0000)?([0-9A-F]{8}):([0-9A-F]{4}) 01 \S+ \S+ \S+ +(\d+)/gm;
  return [...text.matchAll(pattern)].flatMap(([, hex = '', portHex = '', uid = '']) => {
    const address = (hex.match(/../g) ?? [])
      .toReversed()
      .map((octet) => Number.parseInt(octet, 16))
      .join('.');
    const port = Number.parseInt(portHex, 16);
    const isCaptured =
      isInRange(port, ports) &&
      destinations.some((destination) => isInNetwork(address, destination)) &&
      // The group is not listed; a process with the exempt uid alone is counted as the proxy.
      !isExempt(exemption, {
        uid: Number(uid),
        gid: exemption.kind === 'uid+gid' ? exemption.gid.from : 0,
      });
    return isCaptured ? [`${address}:${port}`] : [];
  });
}
