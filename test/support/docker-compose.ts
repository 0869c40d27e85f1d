import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { builderEnv } from './docker-images.ts';
import { owner } from './docker-owner.ts';

const execute = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;
const cwd = join(import.meta.dirname, '../..');

/** A project of docker-compose.yaml for this test, separate from one that may be running. */
export interface Project {
  /** For files that containers mount; removed with the project. */
  readonly folder: string;
  /** Runs a command of compose. @throws with its output if it fails */
  compose(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  /**
   * Runs a command of compose that does not end, such as `up`. Ends it once its output matches every pattern, or
   * after four minutes. Its containers stay. @returns its output
   */
  watch(
    args: readonly string[],
    wanted: readonly RegExp[],
    env?: Readonly<Record<string, string>>,
  ): Promise<string>;
}

/** A generation of compose. */
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
  const paths =
    files.length === 0 ? [] : ['docker-compose.yaml', ...files.map((each) => join(folder, each))];
  const project = [
    '-p',
    `${owner}-${name}-${before.length}`,
    ...paths.flatMap((path) => ['-f', path]),
  ];
  const toOptions = (env: Readonly<Record<string, string>>) => ({
    cwd,
    timeout: 240_000,
    env: { ...builderEnv, ...env },
  });
  const compose: Project['compose'] = async (args, env = {}) => {
    const all = [...before, ...project, ...args];
    const { stdout } = await execute(file, all, { ...toOptions(env), maxBuffer });
    return stdout;
  };
  const watch: Project['watch'] = async (args, wanted, env = {}) => {
    // The plugin is a child of docker: both are in this process group.
    const child = spawn(file, [...before, ...project, ...args], {
      ...toOptions(env),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let shown = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        // The first generation colours its output, whoever reads it.
        shown += stripVTControlCharacters(chunk);
        if (wanted.every((one) => one.test(shown))) process.kill(-(child.pid ?? 0), 'SIGKILL');
      });
    }
    await once(child, 'close');
    return shown;
  };
  try {
    await act({ folder, compose, watch });
  } finally {
    const down = ['--profile', 'entra', 'down', '--volumes', '--timeout', '10'];
    await compose(down).finally(() => rm(folder, { recursive: true, force: true }));
  }
}

/** Calls `read` until its result matches, at most 60 s. @returns the last result, for a useful message */
export async function untilShown(read: () => Promise<string>, wanted: RegExp): Promise<string> {
  const deadlineAt = Date.now() + 60_000;
  for (;;) {
    const shown = await read().catch((error: unknown) => String(error));
    if (wanted.test(shown) || Date.now() > deadlineAt) return shown;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
