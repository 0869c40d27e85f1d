import { formatRange } from './network.ts';
import { type Redirect, wireServer } from './ruleset.ts';

/** The table is ours alone. */
export const packetTable = 'azwi_proxy';

/**
 * The input of `nft -f` that refuses what leaves this namespace for the guarded addresses without having
 * passed the rules for IP: frames that a process with CAP_NET_RAW writes itself (AF_PACKET), and frames that
 * a bridge with the pod's link hands on.
 *
 * Such a process chooses the frame's bytes and also the protocol that the kernel believes it has. So the
 * rules compare bytes: the destination where IP has it, behind none or one VLAN tag (a tag for VLAN 0 is
 * dropped by the receiver), and two tags are refused for everybody but the proxy.
 *
 * The proxy's packets carry its ids. The last packets of a connection that it has closed carry none, and
 * neither does a frame from a bridge; only the former never begin a connection.
 * @param links the namespace's links without `lo`
 */
export function toPacketGuardText(redirect: Redirect, links: readonly string[]): string {
  return [
    `table netdev ${packetTable}`,
    `delete table netdev ${packetTable}`,
    `table netdev ${packetTable} {`,
    ...[...toPacketGuardChains(redirect, links)].flatMap(([name, lines]) => [
      `\tchain ${name} {`,
      ...lines.map((line) => `\t\t${line}`),
      '\t}',
    ]),
    '}',
    '',
  ].join('\n');
}

/** The same rules by chain, as `parseNftTable` lists them. */
export function toPacketGuardChains(
  redirect: Redirect,
  links: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const { exemption } = redirect;
  const owner =
    exemption.kind === 'uid' || exemption.kind === 'uid+gid'
      ? [
          `meta skuid ${formatRange(exemption.uid, '-')}`,
          ...(exemption.kind === 'uid+gid'
            ? [`meta skgid ${formatRange(exemption.gid, '-')}`]
            : []),
        ].join(' ')
      : undefined;
  const entries = links.map((link, index): [string, readonly string[]] => [
    `egress_${index + 1}`,
    [
      `type filter hook egress device "${link}" priority 0; policy accept;`,
      ...toMatches(redirect).map((match) => `${match} counter jump AZWI_PROXY_PACKETS`),
    ],
  ]);
  return new Map([
    // A chain stands before those that jump to it.
    [
      'AZWI_PROXY_PACKETS',
      [
        ...(owner === undefined ? [] : [`${owner} counter return`]),
        'meta skuid 0-4294967294 counter drop',
        // TCP whose SYN bit is not set.
        '@nh,72,8 0x6 @th,104,8 & 0x2 == 0x0 counter return',
        'counter drop',
      ],
    ],
    ...entries,
  ]);
}

const tags = '{ 0x8100, 0x88a8 }';

function toMatches({ destinations, guard }: Redirect): readonly string[] {
  const addresses = destinations.map(({ address }) => toHex(address));
  const wire = toHex(wireServer.address);
  const ports = wireServer.ports.map((port) => `0x${port.toString(16)}`).join(', ');
  return [
    ...addresses.flatMap((address) => [
      // Version 4 and the destination, whatever the frame claims to be.
      `@nh,0,8 & 0xf0 == 0x40 @nh,128,32 ${address}`,
      `@ll,96,16 ${tags} @ll,272,32 ${address}`,
    ]),
    ...(guard === 'imds+wireserver'
      ? [
          // The ports follow a header of 20 bytes; longer ones, with options, are refused on all ports.
          `@nh,0,8 0x45 @nh,128,32 ${wire} @nh,72,8 0x6 @nh,176,16 { ${ports} }`,
          `@nh,0,8 0x46-0x4f @nh,128,32 ${wire} @nh,72,8 0x6`,
          `@ll,96,16 ${tags} @ll,272,32 ${wire}`,
        ]
      : []),
    `@ll,96,16 ${tags} @ll,128,16 ${tags}`,
  ];
}

function toHex(address: string): string {
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return `0x${number.toString(16)}`;
}
