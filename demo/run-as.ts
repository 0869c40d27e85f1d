import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, linkSync } from 'node:fs';
import { join } from 'node:path';

/** A command up to the arguments of the program that it runs. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * How root runs the built proxy as another user, without any capability. That user may not be allowed to
 * read where the project lies, so the programs are copied into `directory`, and the Node binary if need be.
 */
export function proxyAs(uid: number, dist: string, directory: string): Command {
  const bin = join(directory, 'bin');
  cpSync(dist, bin, { recursive: true });
  const privileges = [
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    '--bounding-set=-all',
    '--no-new-privs',
  ];
  return { command: 'setpriv', args: [...privileges, nodeFor(uid, bin), join(bin, 'proxy')] };
}

/** A Node binary that `uid` can execute. */
function nodeFor(uid: number, bin: string): string {
  try {
    execFileSync('setpriv', [`--reuid=${uid}`, '--clear-groups', process.execPath, '--version'], {
      stdio: 'ignore',
    });
    return process.execPath;
  } catch {
    const copy = join(bin, 'node');
    try {
      linkSync(process.execPath, copy);
    } catch {
      copyFileSync(process.execPath, copy);
    }
    return copy;
  }
}
