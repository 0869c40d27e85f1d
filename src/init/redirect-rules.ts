import { isAddress, isSingle, type Network, type Range } from './network.ts';
import type { Match, Rule, Ruleset, Verdict } from './ruleset.ts';

/** Who may still reach the metadata address itself. The trade-off is in docs/redirect.md. */
export type Exemption =
  | { readonly kind: 'uid'; readonly uid: Range }
  | { readonly kind: 'uid+gid'; readonly uid: Range; readonly gid: Range }
  | { readonly kind: 'alias-port'; readonly port: number }
  | { readonly kind: 'none' };

/** What is refused beside the redirected ports. */
export type Guard = 'off' | 'imds' | 'imds+wireserver';

/** Where redirected connections end: on 127.0.0.1, or in another network namespace. */
export type Target =
  | { readonly kind: 'local'; readonly port: number }
  | { readonly kind: 'remote'; readonly address: string; readonly port: number };

/** Everything that the rules depend on. */
export interface Redirect {
  readonly destinations: readonly Network[];
  readonly ports: Range;
  readonly target: Target;
  readonly exemption: Exemption;
  readonly guard: Guard;
}

/** Azure's host agent: 80 and 32526 hand out certificates and settings of the node; 53 is its DNS. */
export const wireServer = { address: '168.63.129.16', ports: [80, 32_526] } as const;

/** The rules that make `redirect` true. Pure; equal input gives equal rules in equal order. */
export function toRuleset(redirect: Redirect): Ruleset {
  const { destinations, ports, exemption } = redirect;
  const captured = destinations.map((destination): Match => tcp(destination, ports));
  const aliased =
    exemption.kind === 'alias-port'
      ? destinations.map((destination): Match => tcp(destination, toRange(exemption.port)))
      : [];
  return {
    'nat OUTPUT': [...captured, ...aliased].map((match) => ({
      match,
      verdict: { kind: 'jump', chain: 'AZWI_PROXY_OUTPUT' },
    })),
    AZWI_PROXY_OUTPUT: [
      ...destinations.flatMap((destination) => toExemptRules(destination, ports, exemption)),
      { match: {}, verdict: { kind: 'jump', chain: 'AZWI_PROXY_REDIRECT' } },
    ],
    AZWI_PROXY_REDIRECT: [{ match: { protocol: 'tcp' }, verdict: toVerdict(redirect.target) }],
    ...toGuardChains(redirect),
  };
}

function toExemptRules(destination: Network, ports: Range, exemption: Exemption): readonly Rule[] {
  switch (exemption.kind) {
    case 'uid':
    case 'uid+gid':
      return [
        {
          match: { ...tcp(destination, ports), ...toOwner(exemption) },
          verdict: toPassVerdict(destination, ports),
        },
      ];
    case 'alias-port':
      return [
        {
          match: tcp(destination, toRange(exemption.port)),
          verdict: { kind: 'dnat', address: destination.address, port: ports.from },
        },
      ];
    case 'none':
      return [];
  }
}

/**
 * Translating a connection to where it goes anyway binds it: a service mesh whose rules come later, or in
 * the other iptables variant, cannot take it over. Accepting does not, but is all there is for a network.
 */
function toPassVerdict(destination: Network, ports: Range): Verdict {
  return isAddress(destination) && isSingle(ports)
    ? { kind: 'dnat', address: destination.address, port: ports.from }
    : { kind: 'accept' };
}

function toVerdict(target: Target): Verdict {
  return target.kind === 'local'
    ? { kind: 'redirect', port: target.port }
    : { kind: 'dnat', address: target.address, port: target.port };
}

/**
 * Packets are filtered after they were translated: redirected ones no longer have these destinations. The
 * answer to "established" comes first because the last packets of a closed connection have no owner, and
 * refusing them would reset the proxy's own connections.
 */
function toGuardChains({
  destinations,
  ports,
  exemption,
  guard,
}: Redirect): Pick<Ruleset, 'filter OUTPUT' | 'AZWI_PROXY_GUARD'> {
  if (guard === 'off') return { 'filter OUTPUT': [], AZWI_PROXY_GUARD: [] };
  const guarded: Match[] = destinations.map((destination) => ({ destination }));
  if (guard === 'imds+wireserver') {
    const destination = { address: wireServer.address, prefix: 32 };
    guarded.push(...wireServer.ports.map((port) => tcp(destination, toRange(port))));
  }
  return {
    'filter OUTPUT': guarded.map((match) => ({
      match,
      verdict: { kind: 'jump', chain: 'AZWI_PROXY_GUARD' },
    })),
    AZWI_PROXY_GUARD: [
      { match: { established: true }, verdict: { kind: 'return' } },
      ...toGuardExemptions(destinations, ports, exemption),
      { match: { protocol: 'tcp' }, verdict: { kind: 'reset' } },
      { match: {}, verdict: { kind: 'prohibit' } },
    ],
  };
}

function toGuardExemptions(
  destinations: readonly Network[],
  ports: Range,
  exemption: Exemption,
): readonly Rule[] {
  switch (exemption.kind) {
    case 'uid':
    case 'uid+gid':
      return [{ match: toOwner(exemption), verdict: { kind: 'return' } }];
    case 'alias-port':
      // Only what came through the alias still has this destination here.
      return destinations.map((destination) => ({
        match: tcp(destination, ports),
        verdict: { kind: 'return' },
      }));
    case 'none':
      return [];
  }
}

function tcp(destination: Network, ports: Range): Match {
  return { destination, protocol: 'tcp', ports };
}

function toOwner(exemption: Exclude<Exemption, { kind: 'alias-port' | 'none' }>): Match {
  return exemption.kind === 'uid'
    ? { uid: exemption.uid }
    : { uid: exemption.uid, gid: exemption.gid };
}

function toRange(port: number): Range {
  return { from: port, to: port };
}
