import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builderEnv } from './docker-images.ts';
import { owner } from './docker-owner.ts';

const execute = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;
const cwd = join(import.meta.dirname, '../..');

/** A project of docker-compose.yaml that is the test's own, beside one that may be running. */
export interface Project {
  /** For files that containers mount; removed with the project. */
  readonly folder: string;
  /** Runs a command of compose. @throws with its output if it fails */
  compose(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
}

/** How a generation of compose is called. */
export interface Generation {
  /** For the names of tests. */
  readonly name: string;
  readonly command: readonly string[];
  /** Why it cannot be tested here; undefined if it can. */
  readonly obstacle: string | undefined;
}

export const generations: readonly Generation[] = [['docker', 'compose'], ['docker-compose']].map(
  (command) => {
    const name = command.join(' ');
    const obstacle = isInstalled(command) ? undefined : `${name} is not installed`;
    return { name, command, obstacle };
  },
);

function isInstalled([file = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(file, [...args, 'version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Lets `act` use a project, and takes it down.
 * @param files further compose files, by a name within the project's folder
 */
export async function withProject(
  name: string,
  { command }: Generation,
  act: (project: Project) => Promise<void>,
  files: readonly string[] = [],
): Promise<void> {
  const [file = '', ...before] = command;
  const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-compose-'));
  const compose: Project['compose'] = async (args, env = {}) => {
    const paths =
      files.length === 0 ? [] : ['docker-compose.yaml', ...files.map((each) => join(folder, each))];
    const all = [
      ...before,
      '-p',
      `${owner}-${name}-${before.length}`,
      ...paths.flatMap((path) => ['-f', path]),
      ...args,
    ];
    const { stdout } = await execute(file, all, {
      cwd,
      maxBuffer,
      timeout: 240_000,
      env: { ...builderEnv, ...env },
    });
    return stdout;
  };
  try {
    await act({ folder, compose });
  } finally {
    const down = ['--profile', 'entra', 'down', '--volumes', '--timeout', '10'];
    await compose(down).finally(() => rm(folder, { recursive: true, force: true }));
  }
}

/** What `read` gives once it shows what is wanted, or 60 s later, for a message that tells more than a deadline. */
export async function untilShown(read: () => Promise<string>, wanted: RegExp): Promise<string> {
  const deadlineAt = Date.now() + 60_000;
  for (;;) {
    const shown = await read().catch((error: unknown) => String(error));
    if (wanted.test(shown) || Date.now() > deadlineAt) return shown;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
