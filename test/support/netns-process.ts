import { createInterface } from 'node:readline';
import type { Namespace } from './netns.ts';

/** Runs a command as a user without groups and capabilities. */
export const asUser = (uid: number): readonly string[] => [
  ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all'],
];

export interface StartOptions {
  readonly uid: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the command, before it becomes the user. */
  readonly through?: readonly string[];
}

/**
 * Starts a program in a namespace and waits for a line of its output.
 * @returns its process ID
 * @throws if it ends before
 */
export async function startUntilSaid(
  namespace: Namespace,
  command: readonly string[],
  word: string,
  { uid, env = {}, through = [] }: StartOptions,
): Promise<number> {
  const child = namespace.start(command, { through: [...through, ...asUser(uid)], env });
  const output: string[] = [];
  await new Promise<void>((resolve, reject) => {
    for (const input of [child.stdout, child.stderr]) {
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        output.push(line);
        if (line.includes(word)) resolve();
      });
    }
    child.once('exit', () =>
      reject(new Error(`ended before it said ${word}:\n${output.join('\n')}`)),
    );
  });
  return child.pid ?? 0;
}
