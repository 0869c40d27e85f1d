import { readSocketTable } from '../../proxy/process/pod-sockets.ts';

/** One TCP socket of this network namespace. */
export interface SocketRow {
  /** Without the prefix that IPv4 addresses have in the table of IPv6. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly isListening: boolean;
  /** The user that created it. */
  readonly uid: number;
}

/** A pod with 10,000 connections has a table of this size. A longer one is not read to its end. */
export const maxTableBytes = 2 * 1_048_576;

/** TCP_LISTEN of the kernel. */
const listening = '0A';

/** Every TCP socket of this network namespace, of all containers of the pod. Needs no permission. */
export async function readSockets(root = '/proc'): Promise<readonly SocketRow[]> {
  return (await readSocketsIfSeen(root)) ?? [];
}

/** @returns undefined if this kernel shows no table, so that there may be sockets all the same */
export async function readSocketsIfSeen(root = '/proc'): Promise<readonly SocketRow[] | undefined> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readSocketTable(`${root}/self/net/${name}`, maxTableBytes)),
  );
  if (tables.every((table) => table === undefined)) return undefined;
  return tables.flatMap((table) => parseSocketTable(table?.text ?? ''));
}

/** Parses `/proc/net/tcp` or `tcp6`; lines that are not sockets are left out. */
export function parseSocketTable(table: string): readonly SocketRow[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state = '', , , , uid = ''] = line.trim().split(/\s+/);
    const [from, to] = [parseEnd(local), parseEnd(remote)];
    if (from === undefined || to === undefined) return [];
    return [
      {
        localAddress: from.address,
        localPort: from.port,
        remoteAddress: to.address,
        remotePort: to.port,
        isListening: state === listening,
        uid: Number(uid),
      },
    ];
  });
}

function parseEnd(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, hex, port] = /^([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4})$/.exec(text) ?? [];
  if (hex === undefined || port === undefined) return undefined;
  return { address: toAddress(hex), port: Number.parseInt(port, 16) };
}

/** The kernel writes each 32 bits in the byte order of the machine, which is little-endian where Node runs. */
function toAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse(),
  );
  const isMapped =
    bytes.length === 16 && bytes.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join('.');
  const words = bytes.flatMap((byte, index) =>
    index % 2 === 0 ? [((byte << 8) | (bytes[index + 1] ?? 0)).toString(16)] : [],
  );
  // The URL parser shortens zeros as RFC 5952 wants it.
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1);
}
