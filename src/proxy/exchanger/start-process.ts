import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Channel, createChannel } from './channel.ts';
import type { Command, Report } from './messages.ts';
import type { StartExchanger } from './remote-exchange.ts';

/** What the exchanger is told before any work. */
type Configuration = Omit<Extract<Command, { type: 'configure' }>, 'type'>;

/**
 * The exchanger's heap, and no debugger. Only flags that leave V8's flag hash alone: another one would make Node refuse
 * both its own code cache and ours.
 */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=64', '--disable-sigusr1'];

/**
 * Starts exchanger processes: the file `exchanger.js` beside this program, spoken to over file descriptor
 * 3. Its end of the pipe closes when this process ends, however it ends, and it leaves then too. The token
 * proxy's last good CA is kept here from one process to the next.
 */
export function createProcessStarter(
  configuration: Configuration,
  directory: string,
): StartExchanger {
  let { lastGoodCaPem } = configuration;
  return (events) => {
    const child = spawn(process.execPath, [...nodeFlags, join(directory, 'exchanger.js')], {
      // Its log lines go where ours go; it says nothing on standard output.
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    let hasExited = false;
    const exited = (reason: string): void => {
      if (hasExited) return;
      hasExited = true;
      events.exited(reason);
    };
    child.on('error', (error) => exited(`cannot start: ${error.message}`));
    child.on('exit', (code, signal) => exited(signal ?? `exit code ${code}`));
    child.unref();
    // Out of file descriptors, Node leaves a child without any streams and emits `error` a moment later.
    const pipe = (child.stdio as ChildProcess['stdio'] | undefined)?.[3] as Duplex | undefined;
    if (pipe === undefined) return { send() {}, end() {}, kill() {} };
    const channel: Channel<Command> = createChannel<Report, Command>(pipe, {
      message(report) {
        if (report.type === 'good-ca') lastGoodCaPem = report.pem;
        else events.reply(report);
      },
      // A process that closed its pipe is of no use, whether or not it still runs.
      closed: () => child.kill('SIGKILL'),
    });
    channel.send({ type: 'configure', ...configuration, lastGoodCaPem });
    return {
      send: (command) => channel.send(command),
      end: () => channel.end(),
      kill: () => void child.kill('SIGKILL'),
    };
  };
}
