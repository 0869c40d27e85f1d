import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { undoAtExit } from './at-exit.ts';

export interface LaunchOptions {
  readonly command: readonly string[];
  /** The whole environment: nothing is inherited, so that both sides of a comparison have the same. */
  readonly env?: Readonly<Record<string, string>>;
  /** The CPU that the process and its children are held to. */
  readonly cpu?: number | undefined;
  /** `cgroup.procs` files that the process joins before it becomes the program. */
  readonly cgroupProcs?: readonly string[] | undefined;
}

/** A process that waits before the exec, so that nothing but the program's own start is timed. */
export interface Launched extends AsyncDisposable {
  readonly pid: number;
  /** Lets it exec. @returns the instant, in `performance.now()` milliseconds. */
  start(): number;
  /** The first line on its standard output. @throws when it ends or `deadlineMs` passes without one. */
  firstLine(deadlineMs: number): Promise<string>;
  /** Its exit code and the instant; the code is null when a signal ended it. */
  readonly exited: Promise<{ readonly code: number | null; readonly at: number }>;
  /** Both its outputs so far: the last few KiB, for error messages. */
  output(): string;
}

/**
 * Joins cgroups, says that it is ready, waits for a line, becomes the program. `$$` stays the same through
 * the exec.
 */
const gate = `
while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift
echo ready >&3
read -r _ <&3
exec 3<&- 3>&-
exec "$@"`;

const outputLimit = 8192;

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

export async function launch({
  command,
  env = {},
  cpu,
  cgroupProcs = [],
}: LaunchOptions): Promise<Launched> {
  const pin = cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)];
  const [file, ...args] = [
    ...pin,
    ...['/bin/sh', '-c', gate, 'gate', ...cgroupProcs, '--', ...command],
  ];
  const child = spawn(file as string, args, {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // Its own process group, so that its children can be ended even when it has ended before them.
    detached: true,
  });
  const gateEnd = child.stdio[3] as Duplex;
  // The far end closes with the exec; nothing is lost by it.
  gateEnd.on('error', () => {});

  let output = '';
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-outputLimit);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);

  const exited = new Promise<{ code: number | null; at: number }>((resolve) => {
    child.once('exit', (code) => resolve({ code, at: performance.now() }));
    child.once('error', () => resolve({ code: null, at: performance.now() }));
  });
  const ended = exited.then(() => {
    throw new Error(`${command.join(' ')} ended: ${output}`);
  });
  ended.catch(() => {});
  await Promise.race([once(gateEnd, 'data'), ended]);
  const pid = child.pid as number;
  const undone = undoAtExit(() => killGroup(pid));
  const whole = firstLineOf(child);

  return {
    pid,
    start() {
      const at = performance.now();
      gateEnd.end('go\n');
      return at;
    },
    firstLine: (deadlineMs) => Promise.race([whole, ended, tooLate(command, deadlineMs)]),
    exited,
    output: () => output,
    async [Symbol.asyncDispose]() {
      killGroup(pid);
      undone();
      await exited;
    },
  };
}

function firstLineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const read = (chunk: string): void => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0) return;
      child.stdout?.off('data', read);
      resolve(text.slice(0, end));
    };
    child.stdout?.on('data', read);
  });
}

function tooLate(command: readonly string[], deadlineMs: number): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${command.join(' ')} said nothing within ${deadlineMs} ms`)),
      deadlineMs,
    );
    timer.unref();
  });
}
