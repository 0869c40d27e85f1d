import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toSnapshot } from '../../../src/init/backends/iptables.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { findDifference } from '../../../src/init/rules/difference.ts';
import {
  formatIptablesRule,
  noLeftovers,
  toRestoreText,
} from '../../../src/init/rules/iptables.ts';
import { parseNftTable, toNftListing, toNftText } from '../../../src/init/rules/nft.ts';
import { chainNames, type Ruleset, toRuleset } from '../../../src/init/rules/ruleset.ts';
import { initEnvironment } from '../../support/netns-environment.ts';

const toRules = (env: Readonly<Record<string, string>>): Ruleset =>
  toRuleset(toInitConfig(new Map(), env).redirect);

/** A ruleset as `iptables` would be told it, chain by chain. */
const toLines = (env: Readonly<Record<string, string>>): readonly string[] =>
  chainNames.flatMap((name) =>
    toRules(env)[name].map((rule) => `${name}: ${formatIptablesRule(rule)}`),
  );

describe('the rules', () => {
  it('exempt the proxy before they redirect, and refuse traffic that the pod forwards', () => {
    expect(toLines({})).toEqual([
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT',
      'AZWI_PROXY_OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --uid-owner 1501 -j DNAT --to-destination 169.254.169.254:80',
      'AZWI_PROXY_OUTPUT: -j AZWI_PROXY_REDIRECT',
      'AZWI_PROXY_REDIRECT: -p tcp -j REDIRECT --to-ports 8000',
      'filter FORWARD: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_FORWARD',
      'AZWI_PROXY_FORWARD: -p tcp -j REJECT --reject-with tcp-reset',
      'AZWI_PROXY_FORWARD: -j REJECT --reject-with icmp-admin-prohibited',
      'mangle POSTROUTING: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m addrtype ! --src-type LOCAL -j AZWI_PROXY_ROUTED',
      'AZWI_PROXY_ROUTED: -j DROP',
    ]);
    expect(toLines({ INIT_FORWARDED: 'off' })).toEqual(toLines({}).slice(0, 4));
  });

  it('can only accept if there is no single destination', () => {
    const exemptions = (env: Readonly<Record<string, string>>) =>
      toRules(env)
        .AZWI_PROXY_OUTPUT.slice(0, -1)
        .map(({ verdict }) => verdict.kind);
    expect(exemptions({ METADATA_IP: '10.0.0.0/8' })).toEqual(['accept']);
    expect(exemptions({ METADATA_PORT: '80:90' })).toEqual(['accept']);
    expect(exemptions({ METADATA_IP: '10.0.0.1,10.0.0.0/8' })).toEqual(['dnat', 'accept']);
  });

  it('lead from the alias port past the redirect, whoever uses it', () => {
    const env = { INIT_EXEMPT: 'alias-port', INIT_GUARD: 'imds', INIT_FORWARDED: 'off' };
    expect(toLines(env)).toEqual([
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT',
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 60080 -j AZWI_PROXY_OUTPUT',
      'AZWI_PROXY_OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 60080 -j DNAT --to-destination 169.254.169.254:80',
      'AZWI_PROXY_OUTPUT: -j AZWI_PROXY_REDIRECT',
      'AZWI_PROXY_REDIRECT: -p tcp -j REDIRECT --to-ports 8000',
      'filter OUTPUT: -d 169.254.169.254/32 -j AZWI_PROXY_GUARD',
      'AZWI_PROXY_GUARD: -o lo -j RETURN',
      'AZWI_PROXY_GUARD: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j RETURN',
      'AZWI_PROXY_GUARD: -p tcp -m owner --socket-exists -j REJECT --reject-with tcp-reset',
      'AZWI_PROXY_GUARD: -m owner --socket-exists -j REJECT --reject-with icmp-admin-prohibited',
      'AZWI_PROXY_GUARD: -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
      'AZWI_PROXY_GUARD: -p tcp -j REJECT --reject-with tcp-reset',
      'AZWI_PROXY_GUARD: -j REJECT --reject-with icmp-admin-prohibited',
    ]);
  });

  it('exempt nobody with INIT_EXEMPT=none', () => {
    expect(toRules({ INIT_EXEMPT: 'none' }).AZWI_PROXY_OUTPUT).toHaveLength(1);
    expect(toLines({ INIT_EXEMPT: 'none', INIT_GUARD: 'imds' }).join()).not.toContain('-owner');
  });

  it('lead to a proxy elsewhere by its address', () => {
    expect(toLines({ PROXY_HOST: '10.80.0.2' })).toContain(
      'AZWI_PROXY_REDIRECT: -p tcp -j DNAT --to-destination 10.80.0.2:8000',
    );
  });

  it('are listed in nft as they were written, but for counters', () => {
    fc.assert(
      fc.property(initEnvironment, (env) => {
        const ruleset = toRules(env);
        const { listing } = parseNftTable(toListed(ruleset));
        expect(listing).toEqual(toNftListing(ruleset));
      }),
    );
  });
});

describe('the text for iptables-restore', () => {
  it('deletes what leads into our chains, and the chains that are no longer wanted', () => {
    const found = toSnapshot(
      `*nat
:OUTPUT ACCEPT [3:180]
:AZWI_PROXY_OUTPUT - [0:0]
:AZWI_PROXY_REDIRECT - [0:0]
:DOCKER_OUTPUT - [0:0]
[1:60] -A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
[0:0] -A OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT
[0:0] -A OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT
[0:0] -A AZWI_PROXY_OUTPUT -m owner --uid-owner 1501 -j ACCEPT
[2:120] -A AZWI_PROXY_REDIRECT -p tcp -j REDIRECT --to-ports 9000
[3:180] -A AZWI_PROXY_REDIRECT -p tcp -j REDIRECT --to-ports 9001
COMMIT
*filter
:OUTPUT ACCEPT [0:0]
:AZWI_PROXY_GUARD - [0:0]
[0:0] -A OUTPUT -d 169.254.169.254/32 -j AZWI_PROXY_GUARD
COMMIT
`,
      'iptables',
    );
    expect(found.isPresent).toBe(true);
    expect(found.redirectedPackets).toBe(5);
    expect(toRestoreText(toRules({ INIT_FORWARDED: 'off' }), found.leftovers)).toBe(`*filter
:AZWI_PROXY_GUARD - [0:0]
-D OUTPUT -d 169.254.169.254/32 -j AZWI_PROXY_GUARD
-X AZWI_PROXY_GUARD
COMMIT
*nat
:AZWI_PROXY_OUTPUT - [0:0]
:AZWI_PROXY_REDIRECT - [0:0]
-D OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT
-D OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT
-I OUTPUT 1 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT
-A AZWI_PROXY_OUTPUT -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --uid-owner 1501 -j DNAT --to-destination 169.254.169.254:80
-A AZWI_PROXY_OUTPUT -j AZWI_PROXY_REDIRECT
-A AZWI_PROXY_REDIRECT -p tcp -j REDIRECT --to-ports 8000
COMMIT
`);
  });

  it('is empty if nothing is wanted and nothing is there', () => {
    expect(toRestoreText(undefined, noLeftovers)).toBe('');
    const { isPresent, listing } = toSnapshot('', 'iptables');
    expect({ isPresent, listing }).toEqual({ isPresent: false, listing: new Map() });
  });

  it('treats a jump to our chain as ours, and the same name in another table as foreign', () => {
    const found = toSnapshot(
      `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -g AZWI_PROXY_OUTPUT
-A OUTPUT -m comment --comment "not -j AZWI_PROXY_OUTPUT at all" -j ACCEPT
COMMIT
*mangle
:AZWI_PROXY_OUTPUT - [0:0]
-A OUTPUT -j AZWI_PROXY_OUTPUT
COMMIT
`,
      'iptables',
    );
    expect(found.leftovers.nat).toEqual({
      chains: [],
      jumps: ['-A PREROUTING -g AZWI_PROXY_OUTPUT'],
    });
    expect(found.listing).toEqual(new Map([['nat PREROUTING', ['-g AZWI_PROXY_OUTPUT']]]));
    expect(found.leftovers.filter).toEqual({ chains: [], jumps: [] });
  });
});

/** What `nft -y list table` prints of a ruleset: counters have values, and `tcp` may be a number. */
function toListed(ruleset: Ruleset): string {
  return toNftText(ruleset)
    .split('\n')
    .slice(2)
    .join('\n')
    .replaceAll(/\bcounter\b/g, 'counter packets 7 bytes 420')
    .replaceAll('meta l4proto tcp', 'meta l4proto 6');
}

describe('the text for nft', () => {
  it('shows a chain, a hook or a rule that we do not write', () => {
    const wanted = toNftListing(toRules({}));
    const listed = toListed(toRules({}));
    expect(findDifference(wanted, parseNftTable(listed).listing)).toBeUndefined();
    expect(parseNftTable(listed).redirectedPackets).toBe(7);
    const find = (from: string, to: string) =>
      findDifference(wanted, parseNftTable(listed.replace(from, to)).listing);
    expect(find('priority -101', 'priority -99')).toContain('priority -99; policy accept;');
    expect(
      find('chain AZWI_PROXY_REDIRECT {', 'chain STRANGE {\n\t}\n\tchain AZWI_PROXY_REDIRECT {'),
    ).toBe('there is also the chain STRANGE with nothing');
    expect(find('chain AZWI_PROXY_REDIRECT {', 'chain AZWI_PROXY_REDIRECT {\n\t\tdrop')).toBe(
      'there is also "-A AZWI_PROXY_REDIRECT drop"',
    );
    expect(find('redirect to :8000', 'redirect to :9000')).toContain(
      'AZWI_PROXY_REDIRECT should hold',
    );
  });
});
