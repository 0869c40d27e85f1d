import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { EmulatorDescription } from '../src/emulator/api.ts';
import { proxyUid } from '../src/shared/redirect-contract.ts';
import { copyProgramsFor } from './shared-folder.ts';

/** The folder of the built programs. */
export const dist = join(import.meta.dirname, '..', 'dist');

/** The programs that the demo has started; `stop` ends them all, the last one first. */
export interface Programs {
  startEmulator(args: readonly string[]): Promise<EmulatorDescription>;
  /** Runs proxy-init to its end. @returns its output. @throws Error if it fails */
  runInit(env: Readonly<Record<string, string>>): Promise<string>;
  /**
   * Starts the proxy, as its own user if this is root, and waits until it is ready.
   * @throws Error if it ends before
   */
  startProxy(env: Readonly<Record<string, string>>, port: number, adminPort: number): Promise<void>;
  /** Starts an application of this folder. @param through what to put before its command */
  startApp(
    file: string,
    env: Readonly<Record<string, string>>,
    through?: readonly string[],
  ): ChildProcess;
  /** Ends all programs, and lets none start after them. */
  stop(): Promise<void>;
}

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio: 'ignore' | 'pipe';
  readonly uid?: number;
}

/** @param directory a folder that every user can read, for the programs that must be copied */
export function createPrograms(directory: string): Programs {
  const running: ChildProcess[] = [];
  let isStopped = false;
  // Variables of this shell that mean something to Azure's libraries would change the story.
  const clean = { PATH: process.env['PATH'] ?? '' };
  const isRoot = process.getuid?.() === 0;

  const start = (
    [command = '', ...args]: readonly string[],
    { env = {}, stdio, uid }: Start,
  ): ChildProcess => {
    // An interrupted story runs until its next step fails.
    if (isStopped) throw new Error('all programs have been ended');
    const child = spawn(command, args, {
      env: { ...clean, ...env },
      stdio: [stdio, stdio, 'inherit'],
      // Ctrl-C at a terminal must reach the demo alone, which then ends its programs in order.
      detached: true,
      ...(uid === undefined ? {} : { uid, gid: uid, cwd: '/' }),
    });
    // Whoever waits for the program gets this error.
    child.on('error', () => {});
    running.push(child);
    return child;
  };

  return {
    async startEmulator(args) {
      const emulator = [process.execPath, join(dist, 'emulator'), 'serve', ...args];
      const child = start(emulator, { stdio: 'pipe' });
      return JSON.parse(await firstLine(child, 'the emulator'));
    },

    async runInit(env) {
      const init = start([process.execPath, join(dist, 'proxy-init')], { env, stdio: 'pipe' });
      const [output, [code, signal]] = await Promise.all([
        init.stdout === null ? '' : text(init.stdout),
        once(init, 'exit'),
      ]);
      if (code !== 0) throw new Error(`proxy-init ended (${signal ?? `exit code ${code}`})`);
      return output;
    },

    async startProxy(env, port, adminPort) {
      const own = [process.execPath, join(dist, 'proxy')];
      let command = own;
      if (isRoot) {
        const { node, bin } = copyProgramsFor(proxyUid, dist, directory);
        command = [node, join(bin, 'proxy')];
      }
      const flags = [`--proxy-port=${port}`, `--admin-port=${adminPort}`, '--log-level='];
      const options = isRoot ? { uid: proxyUid } : {};
      const proxy = start([...command, ...flags], { env, stdio: 'ignore', ...options });
      const probe = start([...own, `--proxy-port=${port}`, '--probe'], { stdio: 'ignore' });
      const hasEnded = once(proxy, 'exit').then(([code, signal]) => {
        throw new Error(`the proxy ended (${signal ?? `exit code ${code}`}); see its log above`);
      });
      hasEnded.catch(() => {});
      const [code] = await Promise.race([once(probe, 'exit'), hasEnded]);
      if (code !== 0) throw new Error('the proxy did not become ready; see its log above');
    },

    startApp(file, env, through = []) {
      const app = [...through, process.execPath, join(import.meta.dirname, file)];
      return start(app, { env, stdio: 'pipe' });
    },

    async stop() {
      isStopped = true;
      for (const child of running.reverse()) {
        // Without a process ID it could not be started.
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
          continue;
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        // A second signal ends the proxy at once, without draining. A signal that arrives before the first was
        // handled is lost, so it is sent again and again.
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
