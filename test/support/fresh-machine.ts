/**
 * A machine on which nobody has run the project yet: its own processes, an empty /tmp, home folders that are closed to
 * other users, and no named network namespace. It shares the kernel, the programs and the network of this machine.
 * `npm ci` uses a copy of this machine's npm cache, and downloads the rest.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');
/** Debian's user `nobody`. */
const ordinaryUid = 65_534;

/** The paths of the two home folders on the machine. */
export const homes = { root: '/root', user: '/home/user' } as const;
export type Who = keyof typeof homes;

export interface RunOptions {
  readonly who?: Who;
  /** Programs that are not in the PATH. */
  readonly without?: RegExp;
  /** Called with all of the output so far, whenever there is more. */
  readonly onOutput?: (output: string, interrupt: () => void) => void;
}

export interface Ended {
  /** The exit code, or the signal that ended the command. */
  readonly how: number | NodeJS.Signals | null;
  readonly output: string;
}

export interface FreshMachine extends AsyncDisposable {
  /** Runs a line of shell in `folder` as somebody types it at a terminal. */
  run(folder: string, line: string, options?: RunOptions): Promise<Ended>;
  /** Copies the project without anything that is built or installed. */
  copyProject(folder: string, who?: Who): Promise<void>;
  /** Processes, files in /tmp and network namespaces, once all processes that are ending have ended. */
  findLeftovers(): Promise<readonly string[]>;
  /** Files of the project but for those that are installed and built. */
  listProject(folder: string): readonly string[];
}

/** @throws Error if this is not root, or the kernel does not allow it */
export async function createFreshMachine(): Promise<FreshMachine> {
  await using stack = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'fresh-machine-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));
  const inside = {
    tmp: join(scratch, 'tmp'),
    root: join(scratch, 'root'),
    home: join(scratch, 'home'),
  };
  for (const folder of Object.values(inside)) await mkdir(folder);
  await mkdir(join(inside.home, 'user'));
  await chmod(inside.tmp, 0o1777);
  await chmod(inside.root, 0o700);
  execFileSync('chown', [`${ordinaryUid}:${ordinaryUid}`, join(inside.home, 'user')]);
  await chmod(join(inside.home, 'user'), 0o700);

  const setUp = `mkdir -p /run/netns && mount -t tmpfs none /run/netns &&
    mount --bind "$2" /root && mount --bind "$3" /home && mount --bind "$1" /tmp && echo ready && read -r _`;
  const unshare = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    setUp,
    'sh',
  ];
  const machine = spawn('unshare', [...unshare, inside.tmp, inside.root, inside.home], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(machine, 'exit');
  stack.defer(async () => {
    machine.kill('SIGKILL');
    await exited;
  });
  const up = await Promise.race([once(machine.stdout, 'data'), exited]);
  if (!String(up[0]).startsWith('ready')) throw new Error('no fresh machine can be made here');
  const init = Number(
    readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim(),
  );
  const enter = ['nsenter', `--target=${init}`, '--mount', '--pid', '--'];
  const processes = readlinkSync(`/proc/${init}/ns/pid`);
  const npmEnv = readNpmSettings();
  await copyNpmCache(npmEnv.cache, inside.root, join(inside.home, 'user'));

  const toOutside = (folder: string): string => join(`/proc/${init}/root`, folder);
  let madePaths = 0;
  const makePath = async (without: RegExp): Promise<string> => {
    madePaths += 1;
    const folder = join(inside.home, `path-${madePaths}`);
    await mkdir(folder);
    for (const place of ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/bin', '/sbin']) {
      for (const name of readdirSync(place)) {
        if (!without.test(name))
          await symlink(join(place, name), join(folder, name)).catch(() => {});
      }
    }
    return `/home/path-${madePaths}`;
  };

  const resources = stack.move();
  return {
    async run(folder, line, { who = 'root', without, onOutput } = {}) {
      const privileges = ['--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
      const user = [`--reuid=${ordinaryUid}`, `--regid=${ordinaryUid}`, ...privileges];
      const become = who === 'root' ? [] : ['setpriv', ...user];
      const path = without === undefined ? defaultPath : await makePath(without);
      const env = {
        PATH: defaultPath,
        HOME: homes[who],
        NPM_CONFIG_REGISTRY: npmEnv.registry,
        ...(npmEnv.cafile === '' ? {} : { NPM_CONFIG_CAFILE: npmEnv.cafile }),
        NPM_CONFIG_PREFER_OFFLINE: 'true',
        NPM_CONFIG_UPDATE_NOTIFIER: 'false',
      };
      // The first line is the number of the process group, to which a terminal would send its signals.
      // A shell at a terminal survives them.
      const script = 'echo $$; trap : INT; cd "$1" && PATH=$2 && eval "$3"';
      const args = ['setsid', '--wait', 'sh', '-c', script, 'sh', folder, path, line];
      const [command = '', ...before] = [...enter, ...become, ...args];
      const child = spawn(command, before, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
      return watch(
        child,
        (group) =>
          execFileSync(enter[0] as string, [...enter.slice(1), 'kill', '-INT', '--', `-${group}`]),
        onOutput,
      );
    },

    async copyProject(folder, who = 'root') {
      const target = toOutside(folder);
      await mkdir(target, { recursive: true });
      const left = ['node_modules', 'dist', '.git'].map((name) => `--exclude=./${name}`);
      const archive = execFileSync('tar', ['--create', ...left, '.'], {
        cwd: root,
        maxBuffer: 256 * 1024 * 1024,
      });
      execFileSync('tar', ['--extract', '--no-same-owner', `--directory=${target}`], {
        input: archive,
      });
      if (who === 'user') {
        execFileSync('chown', ['--recursive', `${ordinaryUid}:${ordinaryUid}`, target]);
      }
    },

    async findLeftovers() {
      const find = (): readonly string[] => listProcesses(processes, init);
      const deadlineAt = performance.now() + 10_000;
      while (find().length > 0 && performance.now() < deadlineAt) await setTimeout(50);
      return [
        ...find(),
        // npm's own cache of compiled code.
        ...readdirSync(toOutside('/tmp')).filter((name) => name !== 'node-compile-cache'),
        ...readdirSync(toOutside('/run/netns')),
      ];
    },

    listProject: (folder) =>
      readdirSync(toOutside(folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => !/^(?:node_modules|dist)(?:\/|$)/.test(name))
        .toSorted(),

    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function readNpmSettings(): {
  readonly registry: string;
  readonly cafile: string;
  readonly cache: string;
} {
  const read = (name: string): string => {
    const value = execFileSync('npm', ['config', 'get', name], {
      cwd: '/',
      encoding: 'utf8',
    }).trim();
    return value === 'null' ? '' : value;
  };
  return { registry: read('registry'), cafile: read('cafile'), cache: read('cache') };
}

async function copyNpmCache(cache: string, ...targets: readonly string[]): Promise<void> {
  const from = join(cache, '_cacache');
  if (!existsSync(from)) return;
  for (const home of targets) await cp(from, join(home, '.npm', '_cacache'), { recursive: true });
  execFileSync('chown', ['--recursive', `${ordinaryUid}:${ordinaryUid}`, targets.at(-1) as string]);
}

async function watch(
  child: ChildProcess,
  interrupt: (group: number) => void,
  onOutput: RunOptions['onOutput'],
): Promise<Ended> {
  let text = '';
  const toOutput = (): string => text.replace(/^\d+\n/, '');
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      onOutput?.(toOutput(), () => interrupt(Number.parseInt(text, 10)));
    });
  }
  const [code, signal] = await once(child, 'close');
  return { how: code ?? signal, output: toOutput() };
}

/** The processes of a PID namespace but for its first, each with its command line. */
function listProcesses(namespace: string, init: number): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === init) return [];
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return [];
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()];
    } catch {
      return [];
    }
  });
}
