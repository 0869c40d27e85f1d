import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toSnapshot } from '../../../src/init/backends/iptables.ts';
import { capturesAll, findCapture, type HookedChain } from '../../../src/init/rules/foreign.ts';
import { parseNftRuleset } from '../../../src/init/rules/foreign-nft.ts';

const packets = {
  destinations: [{ address: '169.254.169.254', prefix: 32 }],
  protocol: 'tcp',
  ports: { from: 80, to: 80 },
} as const;

/** The rules of nat OUTPUT, and chains of the same table as `CHAIN rule`. */
function toChain(...rules: readonly string[]): HookedChain {
  const lines = rules.map((rule) => (rule.startsWith('-A ') ? rule : `-A OUTPUT ${rule}`));
  const text = `*nat\n:OUTPUT ACCEPT [0:0]\n${lines.join('\n')}\nCOMMIT\n`;
  const [chain] = toSnapshot(text, 'iptables').hooked;
  if (chain === undefined) throw new Error('there is no chain');
  return chain;
}

function toNftChain(...rules: readonly (readonly object[])[]): HookedChain {
  const place = { family: 'ip', table: 't', chain: 'c' };
  const { hooked } = parseNftRuleset([
    JSON.stringify({
      nftables: [
        { metainfo: {} },
        { table: { family: 'ip', name: 't' } },
        { chain: { family: 'ip', table: 't', name: 'c', type: 'nat', hook: 'output', prio: -150 } },
        ...rules.map((expr) => ({ rule: { ...place, expr } })),
      ],
    }),
  ]);
  const [chain] = hooked;
  if (chain === undefined) throw new Error('there is no chain');
  return chain;
}

const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
const daddr = { payload: { protocol: 'ip', field: 'daddr' } };
const dport = { payload: { protocol: 'tcp', field: 'dport' } };
const dnat = { dnat: { addr: '10.0.0.1' } };

describe("another program's iptables rule", () => {
  it.each([
    '-j DNAT --to-destination 10.0.0.1',
    '-d 169.254.0.0/16 -j REDIRECT --to-ports 9',
    '-p tcp -m multiport --dports 22,80:90 -j DNAT --to-destination 10.0.0.1',
    '! -d 10.0.0.0/8 -p tcp -j REDIRECT --to-ports 9',
    '-p tcp -m tcp ! --dport 443 -j REDIRECT --to-ports 9',
    '-m iprange --dst-range 169.254.169.0-169.254.170.0 -j REDIRECT --to-ports 9',
    '-m owner --uid-owner 3000 -j DNAT --to-destination 10.0.0.1',
    '-m owner ! --uid-owner 0-999 -j DNAT --to-destination 10.0.0.1',
    '-m mark --mark 0x1 -j DNAT --to-destination 10.0.0.1',
    '-m comment --comment "-d 10.0.0.1 -p udp" -j DNAT --to-destination 10.0.0.1',
    '-m set --match-set addresses dst -j DNAT --to-destination 10.0.0.1',
  ])('may capture: %s', (rule) => {
    expect(findCapture(toChain(rule), packets, false)).toEqual({
      text: `-A OUTPUT ${rule}`,
      isUncertain: false,
    });
  });

  it.each([
    '-d 127.0.0.11/32 -j DNAT --to-destination 10.0.0.1',
    '! -d 169.254.169.254/32 -j REDIRECT --to-ports 9',
    '-p udp -j REDIRECT --to-ports 9',
    '-p tcp -m tcp --dport 443 -j REDIRECT --to-ports 9',
    '-p tcp -m multiport ! --dports 80,443 -j REDIRECT --to-ports 9',
    '-o lo -j REDIRECT --to-ports 9',
    '-j ACCEPT',
    '-j RETURN',
    '-j LOG --log-prefix "-j DNAT"',
    '-p tcp -j EMPTY',
    '-j DROP',
  ])('cannot: %s', (rule) => {
    expect(findCapture(toChain(rule), packets, false)).toBeUndefined();
  });

  it('ends the chain by ACCEPT and RETURN, which matters ahead of ours only', () => {
    for (const rule of ['-j ACCEPT', '-j RETURN', '-m mark --mark 1 -j ACCEPT']) {
      expect(findCapture(toChain(rule), packets, true)).toBeDefined();
    }
    const sub = toChain('-j SUB', '-A SUB -j RETURN');
    expect(findCapture(sub, packets, true)).toBeUndefined();
    expect(findCapture(toChain('-j SUB', '-A SUB -j ACCEPT'), packets, true)?.text).toBe(
      '-A OUTPUT -j SUB … -A SUB -j ACCEPT',
    );
  });

  it('does not count behind ours', () => {
    const chain = toChain('-j AZWI_PROXY_OUTPUT', '-j DNAT --to-destination 10.0.0.1');
    expect(findCapture(chain, packets, true)).toBeUndefined();
  });

  it('has an unknown effect in a queue', () => {
    expect(findCapture(toChain('-j NFQUEUE --queue-num 1'), packets, false)).toMatchObject({
      isUncertain: true,
    });
    const both = toChain('-j NFQUEUE --queue-num 1', '-j DNAT --to-destination 10.0.0.1');
    expect(findCapture(both, packets, false)).toMatchObject({ isUncertain: false });
  });

  it.each<[boolean, string, readonly string[]]>([
    [
      true,
      'a mesh',
      [
        '-p tcp -j MESH',
        '-A MESH -m owner --uid-owner 1337 -j RETURN',
        '-A MESH -d 127.0.0.1/32 -j RETURN',
        '-A MESH -p tcp -j REDIRECT --to-ports 15001',
      ],
    ],
    [false, 'one user', ['-m owner --uid-owner 3000 -j REDIRECT --to-ports 9']],
    [
      true,
      'everybody after one user',
      ['-m owner --uid-owner 3000 -j DNAT --to-destination 10.0.0.1', '-j REDIRECT --to-ports 9'],
    ],
    [false, 'a rule that a mark decides', ['-m mark --mark 1 -j REDIRECT --to-ports 9']],
    [
      false,
      'after a return that a mark decides',
      ['-m mark --mark 1 -j RETURN', '-j REDIRECT --to-ports 9'],
    ],
    [
      false,
      'after a chain that is gone to',
      ['-g SUB', '-A SUB -d 10.0.0.1 -j DROP', '-j REDIRECT --to-ports 9'],
    ],
    [false, 'nothing', []],
  ])('captures all connections of root: %s, %s', (captures, _, rules) => {
    expect(capturesAll(toChain(...rules), { ...packets, uid: 0, gid: 0 })).toBe(captures);
  });

  it('cannot make the search endless by jumps in circles', () => {
    const name = fc.constantFrom('A', 'B', 'C', 'D');
    const rule = fc
      .tuple(fc.constantFrom('OUTPUT', 'A', 'B', 'C', 'D'), fc.constantFrom('-j', '-g'), name)
      .map(([chain, option, target]) => `-A ${chain} ${option} ${target}`);
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), (rules) => {
        const chain = toChain(...rules);
        expect(findCapture(chain, packets, true)).toBeUndefined();
        expect(capturesAll(chain, packets)).toBe(false);
      }),
    );
  });
});

describe("another program's nft rule", () => {
  it.each<[string, readonly object[]]>([
    ['no condition', [dnat]],
    ['an address', [match(daddr, '169.254.169.254'), dnat]],
    ['a network', [match(daddr, { prefix: { addr: '169.254.0.0', len: 16 } }), dnat]],
    ['a range', [match(daddr, { range: ['169.0.0.0', '170.0.0.0'] }), dnat]],
    [
      'a set',
      [match(daddr, { set: ['10.0.0.1', { prefix: { addr: '169.254.0.0', len: 16 } }] }), dnat],
    ],
    ['a named set', [match(daddr, '@addresses'), dnat]],
    ['another address, negated', [match(daddr, '10.0.0.1', '!='), dnat]],
    ['a port', [match(dport, { set: [22, { range: [80, 90] }] }), { redirect: { port: 9 } }]],
    ['a user', [match({ meta: { key: 'skuid' } }, 3000), dnat]],
    ['IPv4', [match({ meta: { key: 'nfproto' } }, 'ipv4'), dnat]],
    ['TCP by number', [match({ meta: { key: 'l4proto' } }, 6), dnat]],
    ['a limit', [{ limit: { rate: 1 } }, dnat]],
    [
      'an extension of iptables',
      [{ xt: { type: 'match', name: 'owner' } }, { xt: { type: 'target', name: 'DNAT' } }],
    ],
    ['an address that is rewritten', [{ mangle: { key: daddr, value: '10.0.0.1' } }]],
    ['no tracking', [{ notrack: null }]],
  ])('may capture: %s', (_, rule) => {
    expect(findCapture(toNftChain(rule), packets, false)).toMatchObject({ isUncertain: false });
  });

  it.each<[string, readonly object[]]>([
    ['another address', [match(daddr, '10.0.0.1'), dnat]],
    ['the address, negated', [match(daddr, '169.254.169.254', '!='), dnat]],
    ['other addresses', [match(daddr, { set: ['10.0.0.1', '10.0.0.2'] }), dnat]],
    ['another port', [match(dport, 443), dnat]],
    ['UDP', [match({ payload: { protocol: 'udp', field: 'dport' } }, 80), dnat]],
    ['IPv6', [match({ meta: { key: 'nfproto' } }, 'ipv6'), dnat]],
    [
      'an IPv6 address',
      [match({ payload: { protocol: 'ip6', field: 'daddr' } }, '::1', '!='), dnat],
    ],
    ['a mark', [{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }, { accept: null }]],
    ['a counter', [{ counter: { packets: 1, bytes: 1 } }]],
    ['a log', [{ log: null }]],
    ['a refusal', [{ reject: null }]],
  ])('cannot: %s', (_, rule) => {
    expect(findCapture(toNftChain(rule), packets, false)).toBeUndefined();
  });

  it.each<[string, object]>([
    ['a queue', { queue: { num: 1 } }],
    ['a verdict map', { vmap: { key: {}, data: {} } }],
    ['a statement of tomorrow', { teleport: null }],
    ['a target of an extension', { xt: { type: 'target', name: 'SYNPROXY' } }],
    ['an extension that is not shown', { xt: null }],
  ])('has an unknown effect: %s', (_, statement) => {
    expect(findCapture(toNftChain([statement]), packets, false)).toMatchObject({
      isUncertain: true,
    });
  });

  it('is shown without its counter, so that two messages are the same', () => {
    const [a, b] = [1, 2].map((count) =>
      findCapture(toNftChain([{ counter: { packets: count, bytes: 0 } }, dnat]), packets, false),
    );
    expect(a).toEqual(b);
    expect(a?.text).toBe('ip t c [{"dnat":{"addr":"10.0.0.1"}}]');
  });
});
