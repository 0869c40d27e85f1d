// Not node:fs/promises: to load it takes 2 ms of every start.
import { promises as fs } from 'node:fs';

/** Whether another process of the pod holds a socket; `unknown` where this process cannot tell. */
export type Company = 'somebody' | 'nobody' | 'unknown';

/** Where the kernel shows sockets; tests pass another folder. */
export interface ProcFiles {
  readonly root: string;
  /** The process whose sockets do not count. */
  readonly pid: number | 'self';
}

/**
 * Users of mesh proxies (Istio, Linkerd). A mesh proxy may outlive every application of the pod, and it
 * never asks for a token.
 */
const meshUids: ReadonlySet<string> = new Set(['1337', '2102']);

/**
 * 127.0.0.11 as the tables write it: Docker's own DNS server, which the engine opens in the network namespace
 * of every container on a network that a user has made.
 */
const dockerDnsAddress = '0B00007F:';

/**
 * The tables of `/proc/net`: TCP, UDP and raw sockets name their owner, Unix sockets do not.
 * `.NET` and many servers hold a Unix socket while they hold no other.
 */
const tables: readonly { readonly name: string; readonly uid?: number; readonly inode: number }[] =
  [
    { name: 'tcp', uid: 7, inode: 9 },
    { name: 'tcp6', uid: 7, inode: 9 },
    { name: 'udp', uid: 7, inode: 9 },
    { name: 'udp6', uid: 7, inode: 9 },
    { name: 'raw', uid: 7, inode: 9 },
    { name: 'raw6', uid: 7, inode: 9 },
    { name: 'unix', inode: 6 },
  ];

/** A pod with 5,000 connections has a table of this size. A longer one is not read to its end. */
const maxTableBytes = 1_048_576;

/**
 * Looks for a socket in this network namespace that another process holds. All containers of a pod share
 * the namespace, so this tells, without any permission, whether the application still runs. A process
 * without a socket cannot be seen.
 */
export async function findCompany({ root, pid }: ProcFiles): Promise<Company> {
  const own = await readOwnInodes(root, pid);
  if (own === undefined) return 'unknown';
  let readable = 0;
  for (const { name, uid, inode } of tables) {
    const table = await readSocketTable(`${root}/${pid}/net/${name}`, maxTableBytes);
    // A kernel without IPv6 has no tcp6.
    if (table === undefined) continue;
    readable += 1;
    for (const line of table.text.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      const owner = columns[inode];
      // Sockets that nobody holds any longer, such as those in TIME_WAIT, have inode 0.
      if (owner === undefined || owner === '0' || own.has(owner)) continue;
      if (uid !== undefined && meshUids.has(columns[uid] ?? '')) continue;
      if (columns[1]?.startsWith(dockerDnsAddress)) continue;
      return 'somebody';
    }
    if (table.isCut) return 'somebody';
  }
  return readable === 0 ? 'unknown' : 'nobody';
}

async function readOwnInodes(root: string, pid: number | 'self'): Promise<Set<string> | undefined> {
  const folder = `${root}/${pid}/fd`;
  try {
    const inodes = new Set<string>();
    for (const fd of await fs.readdir(folder)) {
      // The descriptor that readdir itself used is gone by now.
      const target = await fs.readlink(`${folder}/${fd}`).catch(() => '');
      const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
      if (inode !== undefined) inodes.add(inode);
    }
    return inodes;
  } catch {
    return undefined;
  }
}

/**
 * A table of `/proc/net`, no further than `maxBytes` and a chunk.
 * @returns undefined if it cannot be read, as tcp6 of a kernel without IPv6.
 */
export async function readSocketTable(
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string; readonly isCut: boolean } | undefined> {
  try {
    const file = await fs.open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      let length = 0;
      while (length < maxBytes) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, null);
        if (bytesRead === 0) break;
        chunks.push(buffer.subarray(0, bytesRead));
        length += bytesRead;
      }
      return { text: Buffer.concat(chunks).toString('latin1'), isCut: length >= maxBytes };
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
