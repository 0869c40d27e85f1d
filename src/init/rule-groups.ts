import { parseNetwork, parseRange } from './network.ts';
import type { Match, OwnChain, Verdict } from './ruleset.ts';

/** The named groups that the pattern of either backend may capture. */
export type RuleGroups = Readonly<Record<string, string | undefined>>;

/** The conditions that the groups of a pattern spell; undefined if one of them has another form. */
export function toMatch(groups: RuleGroups, portSeparator: ':' | '-'): Match | undefined {
  const { destination, protocol, ports, uid, gid, established } = groups;
  const parsed = {
    ...(destination !== undefined && { destination: parseNetwork(destination) }),
    ...((protocol !== undefined || ports !== undefined) && { protocol: 'tcp' as const }),
    ...(ports !== undefined && { ports: parseRange(ports, portSeparator) }),
    ...(uid !== undefined && { uid: parseRange(uid, '-') }),
    ...(gid !== undefined && { gid: parseRange(gid, '-') }),
    ...(established !== undefined && { established: true as const }),
  };
  return isWhole(parsed) ? parsed : undefined;
}

/** The verdict that the groups spell. A pattern without a verdict cannot have matched. */
export function toVerdict(groups: RuleGroups): Verdict {
  const { chain, redirectPort, dnatAddress, dnatPort } = groups;
  // The patterns admit no other names.
  if (chain !== undefined) return { kind: 'jump', chain: chain as OwnChain };
  if (redirectPort !== undefined) return { kind: 'redirect', port: Number(redirectPort) };
  if (dnatAddress !== undefined) {
    return { kind: 'dnat', address: dnatAddress, port: Number(dnatPort) };
  }
  if (groups['accept'] !== undefined) return { kind: 'accept' };
  if (groups['reset'] !== undefined) return { kind: 'reset' };
  return { kind: groups['prohibit'] === undefined ? 'return' : 'prohibit' };
}

function isWhole(parsed: { [K in keyof Match]: Match[K] | undefined }): parsed is Match {
  return Object.values(parsed).every((condition) => condition !== undefined);
}
