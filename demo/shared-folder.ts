import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/**
 * The first folder on the way to `path` that users without special rights cannot enter; undefined if they can
 * enter all of them. Root enters every folder, so what root can reach says nothing about other users.
 */
export function findClosedFolder(path: string): string | undefined {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  const above = parent === absolute ? undefined : findClosedFolder(parent);
  if (above !== undefined) return above;
  return (statSync(absolute).mode & 0o001) === 0 ? absolute : undefined;
}

/**
 * Makes a temporary folder that every user can enter and read. The usual place for temporary files may be
 * closed to other users (libpam-tmpdir sets TMPDIR to such a folder); `/tmp` is used then.
 * @throws Error that names the closed folder if `/tmp` is closed, too
 */
export function makeSharedFolder(
  prefix: string,
  places: readonly string[] = [tmpdir(), '/tmp'],
): string {
  const open = places.find((place) => findClosedFolder(place) === undefined);
  if (open === undefined) {
    const closed = places.map((place) => findClosedFolder(place)).join(', ');
    throw new Error(
      `other users cannot enter ${closed}; set TMPDIR to a folder that they can enter, such as one of mode 1777`,
    );
  }
  const folder = mkdtempSync(join(open, prefix));
  chmodSync(folder, 0o755);
  return folder;
}

/** Programs that another user can run. */
export interface CopiedPrograms {
  /** The Node binary. */
  readonly node: string;
  /** The folder that the programs are in; run them with `node`. */
  readonly bin: string;
}

/**
 * Copies the built programs into `folder`, and the Node binary if need be, so that user `uid` can run them.
 * The checkout may lie where only its owner can enter, such as below `/root`. Takes root.
 * @param folder a folder that `uid` can enter
 * @param node the Node binary to use
 * @throws Error that names the path that `uid` cannot execute
 */
export function copyProgramsFor(
  uid: number,
  dist: string,
  folder: string,
  node: string = process.execPath,
): CopiedPrograms {
  const bin = join(folder, 'bin');
  cpSync(dist, bin, { recursive: true });
  // Built under a strict umask, the files are closed to others.
  chmodSync(bin, 0o755);
  for (const name of readdirSync(bin, { recursive: true, encoding: 'utf8' })) {
    chmodSync(join(bin, name), 0o755);
  }
  if (findRefusal(uid, node) === undefined) return { node, bin };
  const copy = join(bin, 'node');
  try {
    linkSync(node, copy);
  } catch {
    copyFileSync(node, copy);
    chmodSync(copy, 0o755);
  }
  const refusal = findRefusal(uid, copy);
  if (refusal === undefined) return { node: copy, bin };
  const closed = findClosedFolder(folder);
  throw new Error(
    `user ${uid} cannot execute ${copy} (${refusal}); ${
      closed === undefined
        ? 'set TMPDIR to a folder on a file system that is not mounted noexec'
        : `other users cannot enter ${closed}: set TMPDIR to a folder that they can enter`
    }`,
  );
}

/**
 * Why `uid` cannot execute a program; undefined if it can. `setpriv` cannot answer this: it keeps root's capabilities
 * until the program runs, and so can execute programs that the user cannot.
 */
function findRefusal(uid: number, program: string): string | undefined {
  try {
    execFileSync(program, ['--version'], { uid, gid: uid, cwd: '/', stdio: 'ignore' });
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
