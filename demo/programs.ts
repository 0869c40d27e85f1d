import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EmulatorDescription } from '../src/emulator/api.ts';
import { proxyUid } from '../src/shared/redirect-contract.ts';
import { type Command, proxyAs } from './run-as.ts';

const dist = join(import.meta.dirname, '..', 'dist');

/** The programs that the demo has started; `stop` ends them all, the last one first. */
export interface Programs {
  startEmulator(args: readonly string[]): Promise<EmulatorDescription>;
  /** Runs the init to its end and returns what it printed. */
  runInit(env: Readonly<Record<string, string>>): string;
  /** Starts the proxy, as its own user if this is root, and waits until it says that it is ready. */
  startProxy(env: Readonly<Record<string, string>>, port: number, adminPort: number): Promise<void>;
  /** Starts an application of this folder. @param through what to put before its command */
  startApp(
    file: string,
    env: Readonly<Record<string, string>>,
    through?: readonly string[],
  ): ChildProcess;
  stop(): Promise<void>;
}

/** @param directory a directory that every user can read, for what the demo needs to copy */
export function createPrograms(directory: string): Programs {
  const running: ChildProcess[] = [];
  // Variables of this shell that mean something to Azure's libraries would change the story.
  const clean = { PATH: process.env['PATH'] ?? '' };

  const start = (
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    stdio: 'ignore' | 'pipe',
  ): ChildProcess => {
    const child = spawn(command, args, {
      env: { ...clean, ...env },
      stdio: [stdio, stdio, 'inherit'],
    });
    running.push(child);
    return child;
  };

  return {
    async startEmulator(args) {
      const child = start(join(dist, 'emulator'), ['serve', ...args], {}, 'pipe');
      return JSON.parse(await firstLine(child, 'the emulator'));
    },

    runInit: (env) =>
      execFileSync(join(dist, 'proxy-init'), [], { env: { ...clean, ...env }, encoding: 'utf8' }),

    async startProxy(env, port, adminPort) {
      const args = [`--proxy-port=${port}`, `--admin-port=${adminPort}`, '--log-level='];
      const proxy: Command =
        process.getuid?.() === 0
          ? proxyAs(proxyUid, dist, directory)
          : { command: join(dist, 'proxy'), args: [] };
      start(proxy.command, [...proxy.args, ...args], env, 'ignore');
      const [code] = await once(
        spawn(join(dist, 'proxy'), [`--proxy-port=${port}`, '--probe'], {
          env: clean,
          stdio: 'inherit',
        }),
        'exit',
      );
      if (code !== 0) throw new Error('the proxy did not become ready; its log is above');
    },

    startApp(file, env, through = []) {
      const app = [...through, process.execPath, join(import.meta.dirname, file)];
      const [command = '', ...args] = app;
      return start(command, args, env, 'pipe');
    },

    async stop() {
      for (const child of running.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        // Twice means at once: nobody needs the proxy any longer. A signal that comes before the last one was
        // taken is lost, hence not right behind it.
        const again = setInterval(() => child.kill('SIGTERM'), 20);
        const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
        await exited;
        clearInterval(again);
        clearTimeout(timer);
      }
    },
  };
}

async function firstLine(child: ChildProcess, name: string): Promise<string> {
  if (child.stdout === null) throw new Error(`${name} has no output`);
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with exit code ${code}; its message is above`);
  });
  ended.catch(() => {});
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  return line;
}
