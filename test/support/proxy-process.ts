import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Emulator } from '../../src/emulator/api.ts';

/** The directory of the built programs. */
export const dist = join(import.meta.dirname, '..', '..', 'dist');

/** A line of the log, as far as tests look at it. */
export interface LogLine {
  readonly level: string;
  readonly logger: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** The built proxy as a process. */
export interface ProxyProcess extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** 0 without an admin server. */
  readonly adminPort: number;
  readonly pid: number;
  readonly url: string;
  readonly child: ChildProcess;
  /** Its standard error so far, line by line. */
  readonly output: readonly string[];
  readonly log: readonly LogLine[];
  /** Waits for a line of the log. @throws if the process ends before it says so */
  untilLogged(isIt: (line: LogLine) => boolean): Promise<LogLine>;
  /** The process IDs of its children. */
  children(): readonly number[];
  /** @returns exit code, or the signal that ended it */
  untilExit(): Promise<number | string>;
}

export interface ProxyProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly withAdmin?: boolean;
  readonly logLevel?: string;
  /** Its limit on open files. */
  readonly maxFiles?: number;
  /** A folder with the proxy's files, if it is not `dist/`. */
  readonly directory?: string;
}

/** Starts the built proxy against an emulator and waits until it listens. */
export async function startProxy(
  emulator: Pick<Emulator, 'describe'>,
  {
    env = {},
    args = [],
    withAdmin = false,
    logLevel = 'info',
    maxFiles,
    directory = dist,
  }: ProxyProcessOptions = {},
): Promise<ProxyProcess> {
  const port = await findFreePort();
  const adminPort = withAdmin ? await findFreePort() : 0;
  const flags = [
    `--proxy-port=${port}`,
    `--admin-port=${adminPort}`,
    '--admin-address=127.0.0.1',
    `--log-level=${logLevel}`,
    // Nothing forwards for these tests, and nothing may knock at a real metadata service.
    '--passthrough=off',
  ];
  const limit = maxFiles === undefined ? '' : `ulimit -n ${maxFiles} && `;
  const command = ['-c', `${limit}exec "$0" "$@"`, join(directory, 'proxy'), ...flags, ...args];
  const child = spawn('sh', command, {
    env: { PATH: process.env['PATH'], ...emulator.describe().env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const output: string[] = [];
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on('line', (text) => {
    output.push(text);
    if (text.startsWith('{')) log.push(JSON.parse(text));
    for (const look of waiting) look();
  });
  const exited = once(child, 'exit').then(([code, signal]): number | string => code ?? signal);

  const proxy: ProxyProcess = {
    host: '127.0.0.1',
    port,
    adminPort,
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${port}`,
    child,
    output,
    log,
    untilLogged: (isIt) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = log.find(isIt);
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
        void exited.then((how) =>
          reject(new Error(`the proxy ended (${how}) and said:\n${output.join('\n')}`)),
        );
      }),
    children: () => findChildren(child.pid ?? 0),
    untilExit: () => exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
  await proxy.untilLogged(({ message }) => message === 'starting the proxy server');
  return proxy;
}

const handedOut = new Set<number>();

/** A port that nobody listens on, and that no other call in this process gets. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    return port;
  }
}

/** The memory limit in the manifests. */
export const memoryLimitBytes = 96 * 1_048_576;

/**
 * The most memory that a process has used so far, in bytes. Without the pages of files, such as the program
 * itself: the kernel can drop those.
 */
export function peakBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return (kilobytes('VmHWM') - kilobytes('RssFile')) * 1_024;
}

/** Whether a process is there and not just waiting to be collected. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function findChildren(pid: number): readonly number[] {
  const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return ids.split(' ').filter(Boolean).map(Number).filter(isRunning);
}

/** Looks again and again, for ten seconds unless told otherwise. @throws with `what` if it never becomes so */
export async function until(isSo: () => boolean, what: string, mostMs = 10_000): Promise<void> {
  const deadlineAt = performance.now() + mostMs;
  while (!isSo()) {
    if (performance.now() > deadlineAt) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
