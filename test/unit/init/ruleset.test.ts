import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noLeftovers } from '../../../src/init/backend.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { formatIptablesRule, parseIptablesRule } from '../../../src/init/iptables-rule.ts';
import { parseSave, toRestoreText } from '../../../src/init/iptables-text.ts';
import { formatNftRule, parseNftRule } from '../../../src/init/nft-rule.ts';
import { parseNftChains, parseNftTable, toNftText } from '../../../src/init/nft-text.ts';
import { toRuleset } from '../../../src/init/redirect-rules.ts';
import { chainNames, emptyRuleset, type Ruleset } from '../../../src/init/ruleset.ts';
import { initEnvironment } from '../../support/netns-environment.ts';

const toRules = (env: Readonly<Record<string, string>>): Ruleset =>
  toRuleset(toInitConfig(new Map(), env).redirect);

/** A ruleset as `iptables` would be told it, chain by chain. */
const toLines = (env: Readonly<Record<string, string>>): readonly string[] =>
  chainNames.flatMap((name) =>
    toRules(env)[name].map((rule) => `${name}: ${formatIptablesRule(rule)}`),
  );

describe('the rules', () => {
  it('let the proxy through before they redirect, and bind it on its way', () => {
    expect(toLines({})).toEqual([
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT',
      'AZWI_PROXY_OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -m owner --uid-owner 1501 -j DNAT --to-destination 169.254.169.254:80',
      'AZWI_PROXY_OUTPUT: -j AZWI_PROXY_REDIRECT',
      'AZWI_PROXY_REDIRECT: -p tcp -j REDIRECT --to-ports 8000',
    ]);
  });

  it('can only accept where there is no one destination to bind to', () => {
    const exemptions = (env: Readonly<Record<string, string>>) =>
      toRules(env)
        .AZWI_PROXY_OUTPUT.slice(0, -1)
        .map(({ verdict }) => verdict.kind);
    expect(exemptions({ METADATA_IP: '10.0.0.0/8' })).toEqual(['accept']);
    expect(exemptions({ METADATA_PORT: '80:90' })).toEqual(['accept']);
    expect(exemptions({ METADATA_IP: '10.0.0.1,10.0.0.0/8' })).toEqual(['dnat', 'accept']);
  });

  it('lead from the alias port past the redirect, whoever dials it', () => {
    const lines = toLines({ INIT_EXEMPT: 'alias-port', INIT_GUARD: 'imds' });
    expect(lines).toEqual([
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j AZWI_PROXY_OUTPUT',
      'nat OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 60080 -j AZWI_PROXY_OUTPUT',
      'AZWI_PROXY_OUTPUT: -d 169.254.169.254/32 -p tcp -m tcp --dport 60080 -j DNAT --to-destination 169.254.169.254:80',
      'AZWI_PROXY_OUTPUT: -j AZWI_PROXY_REDIRECT',
      'AZWI_PROXY_REDIRECT: -p tcp -j REDIRECT --to-ports 8000',
      'filter OUTPUT: -d 169.254.169.254/32 -j AZWI_PROXY_GUARD',
      'AZWI_PROXY_GUARD: -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
      'AZWI_PROXY_GUARD: -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j RETURN',
      'AZWI_PROXY_GUARD: -p tcp -j REJECT --reject-with tcp-reset',
      'AZWI_PROXY_GUARD: -j REJECT --reject-with icmp-admin-prohibited',
    ]);
  });

  it('exempt nobody when nobody is to be', () => {
    expect(toRules({ INIT_EXEMPT: 'none' }).AZWI_PROXY_OUTPUT).toHaveLength(1);
    expect(toLines({ INIT_EXEMPT: 'none', INIT_GUARD: 'imds' }).join()).not.toContain('owner');
  });

  it('lead to a proxy elsewhere by its address', () => {
    expect(toLines({ PROXY_HOST: '10.80.0.2' }).at(-1)).toBe(
      'AZWI_PROXY_REDIRECT: -p tcp -j DNAT --to-destination 10.80.0.2:8000',
    );
  });

  it('read back from either text as they were written', () => {
    fc.assert(
      fc.property(initEnvironment, (env) => {
        const ruleset = toRules(env);
        for (const rule of chainNames.flatMap((name) => ruleset[name])) {
          expect(parseIptablesRule(formatIptablesRule(rule))).toStrictEqual(rule);
          const listed = formatNftRule(rule).replace('counter', 'counter packets 7 bytes 420');
          expect(parseNftRule(listed)).toStrictEqual({ rule, packets: 7 });
        }
      }),
    );
  });
});

describe('the text for iptables-restore', () => {
  it('deletes what leads into our chains, and the chains that are no longer wanted', () => {
    const found = parseSave(`*nat
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
`);
    expect(found.isPresent).toBe(true);
    expect(found.redirectedPackets).toBe(5);
    expect(toRestoreText(toRules({}), found.leftovers)).toBe(`*filter
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

  it('is empty where nothing is wanted and nothing is there', () => {
    expect(toRestoreText(undefined, noLeftovers)).toBe('');
    expect(parseSave('')).toMatchObject({ isPresent: false, ruleset: emptyRuleset });
  });

  it('takes a jump to our chain from anywhere for ours, and a like name elsewhere for foreign', () => {
    const found = parseSave(`*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -g AZWI_PROXY_OUTPUT
-A OUTPUT -m comment --comment "not -j AZWI_PROXY_OUTPUT at all" -j ACCEPT
COMMIT
*mangle
:AZWI_PROXY_OUTPUT - [0:0]
-A OUTPUT -j AZWI_PROXY_OUTPUT
COMMIT
`);
    expect(found.leftovers.nat).toEqual({
      chains: [],
      jumps: ['-A PREROUTING -g AZWI_PROXY_OUTPUT'],
    });
    expect(found.unknown).toEqual(['-A PREROUTING -g AZWI_PROXY_OUTPUT']);
    expect(found.leftovers.filter).toEqual({ chains: [], jumps: [] });
  });
});

describe('the text for nft', () => {
  it('names every chain that is ours and every chain that is not', () => {
    const chains =
      'table ip nat {\n\tchain KUBE-SERVICES {\n\t}\n}\ntable ip azwi_proxy {\n\tchain x {\n\t}\n}\n';
    expect(parseNftChains(chains)).toEqual({ chainNames: ['KUBE-SERVICES', 'x'], hasTable: true });
    expect(parseNftChains('table ip azwi_proxy_other {\n}\n').hasTable).toBe(false);
  });

  it('shows a chain, a hook or a rule that we never write', () => {
    const listed = toNftText(toRules({}))
      .split('\n')
      .slice(2)
      .join('\n')
      .replaceAll(/\bcounter\b/g, 'counter packets 0 bytes 0');
    expect(parseNftTable(listed).unknown).toEqual([]);
    expect(parseNftTable(listed).ruleset).toStrictEqual(toRules({}));
    const other = listed
      .replace('priority -101', 'priority -99')
      .replace(
        'chain AZWI_PROXY_REDIRECT {',
        'chain STRANGE {\n\t}\n\tchain AZWI_PROXY_REDIRECT {\n\t\tdrop',
      );
    expect(parseNftTable(other).unknown).toEqual([
      'type nat hook output priority -99; policy accept;',
      'chain STRANGE {',
      'drop',
    ]);
  });
});
