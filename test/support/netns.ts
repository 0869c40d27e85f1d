import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { AgentMethods, AgentReply, AgentRequest } from './netns-agent.ts';
import { describeUnless } from './skip.ts';

/** How a program ended. */
export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** A command that runs the command, such as `setpriv` with its options. */
  readonly through?: readonly string[];
}

/** A network namespace of this test's own, without any way out of the machine. */
export interface Namespace {
  readonly path: string;
  run(command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** As `run`, and throws unless the exit code is 0. @returns standard output */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a program and leaves it running; the namespace's removal ends it. */
  start(command: readonly string[], options?: RunOptions): ChildProcess;
  /** Starts a process inside that listens and connects; the namespace's removal ends it. */
  startAgent(): Promise<AgentMethods>;
  remove(): Promise<void>;
}

const needs = [
  'ip',
  'nft',
  'iptables-nft-restore',
  'iptables-legacy-restore',
  'nsenter',
  'setpriv',
];

/** Why namespaces cannot be had here; undefined if they can. */
function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux only';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const program of needs) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed`;
    }
  }
  try {
    execFileSync('unshare', ['--net', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'making network namespaces is not permitted';
  }
}

const obstacle = findObstacle();

/** A `describe` whose tests need network namespaces; skipped where there are none, except in CI. */
export const describeInNamespaces = (name: string, tests: () => void): void =>
  describeUnless(obstacle, name, tests);

let made = 0;

/** Makes a namespace with lo up and no other link. */
export async function createNamespace(): Promise<Namespace> {
  if (obstacle !== undefined) throw new Error(obstacle);
  made += 1;
  const name = `azwi-${process.pid}-${made}`;
  const path = `/run/netns/${name}`;
  const children = new Set<ChildProcess>();
  await finish(spawn('ip', ['netns', 'add', name]));

  const start = (command: readonly string[], options: RunOptions = {}): ChildProcess => {
    const [program = '', ...args] = [
      'nsenter',
      `--net=${path}`,
      ...(options.through ?? []),
      ...command,
    ];
    return spawn(program, args, { env: toEnvironment(options), detached: true });
  };
  const run: Namespace['run'] = (command, options = {}) =>
    finish(start(command, options), options.input);
  const must: Namespace['must'] = async (command, options) => {
    const { exitCode, stdout, stderr } = await run(command, options);
    if (exitCode !== 0)
      throw new Error(`${command.join(' ')}: exit ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  };
  await must(['ip', 'link', 'set', 'lo', 'up']);

  return {
    path,
    run,
    must,
    start(command, options) {
      const child = start(command, options);
      children.add(child);
      return child;
    },
    async startAgent() {
      const child = spawn(
        'nsenter',
        [`--net=${path}`, process.execPath, join(import.meta.dirname, 'netns-agent.ts')],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      );
      children.add(child);
      return connectAgent(child);
    },
    async remove() {
      await Promise.all([...children].map(stop));
      await finish(spawn('ip', ['netns', 'del', name]));
    },
  };
}

function toEnvironment({ env }: RunOptions): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], ...env };
}

function finish(child: ChildProcess, input = ''): Promise<Finished> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, ...output }));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function connectAgent(child: ChildProcess): Promise<AgentMethods> {
  const waiting = new Map<number, (reply: AgentReply) => void>();
  child.on('message', (reply: AgentReply) => waiting.get(reply.id)?.(reply));
  child.once('exit', () => {
    for (const [id, settle] of waiting) settle({ id, error: 'the agent is gone' });
  });
  const receive = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
    });
  await receive(0);

  let sent = 0;
  const call = (method: keyof AgentMethods) => async (argument?: unknown) => {
    sent += 1;
    const reply = receive(sent);
    child.send({ id: sent, method, argument } satisfies AgentRequest);
    return reply;
  };
  // Each method's types are AgentMethods' own; only the way through the pipe has none.
  return {
    listen: call('listen'),
    ask: call('ask'),
    open: call('open'),
    say: call('say'),
    peers: call('peers'),
    ending: call('ending'),
  } as AgentMethods;
}
