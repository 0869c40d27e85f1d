import { spawn } from 'node:child_process';

/** Cleans up if the demo is killed and cannot do so itself. */
export interface Sweeper {
  /** @param pid a program that leads its own process group */
  add(pid: number): void;
  /** Call this when everything is cleaned up. Resolves when the sweeper has ended. */
  dismiss(): Promise<void>;
}

/** Ends of input without the word "done" mean that the demo was killed. */
const script = `
pids=
while read -r line; do
  [ "$line" = done ] && exit
  pids="$pids -$line"
done
[ -z "$pids" ] || kill -KILL -- $pids
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`;

/**
 * Starts a shell that outlives this process. Where there is no shell, nothing cleans up after a kill.
 * @param directory the folder to remove
 */
export function startSweeper(directory: string): Sweeper {
  const shell = spawn('sh', ['-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    // Ctrl-C at a terminal must not reach it.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve());
    shell.once('error', () => resolve());
  });
  shell.stdin.on('error', () => {});
  return {
    add: (pid) => shell.stdin.write(`${pid}\n`),
    dismiss() {
      shell.stdin.end('done\n');
      return ended;
    },
  };
}
