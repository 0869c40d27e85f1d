import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** After this no client may still wait: the slowest tries for about a minute. */
const programDeadlineMs = 100_000;

/** What a program says of one request: a token, or an error of its library. */
export interface ProgramOutcome {
  readonly token?: string;
  readonly error?: string;
  readonly message?: string;
}

/** Runs a client's program to its end. @throws if it does not print what came of its requests */
export async function runProgram(
  [program = '', ...args]: readonly string[],
  {
    home,
    extraEnv = {},
  }: { readonly home: string; readonly extraEnv?: Readonly<Record<string, string>> },
): Promise<readonly ProgramOutcome[]> {
  // Variables of Azure's libraries would send them elsewhere.
  const env = {
    ...{ PATH: process.env['PATH'], HOME: home, TMPDIR: home, LANG: 'C.UTF-8' },
    ...extraEnv,
  };
  const child = spawn(program, args, {
    env,
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: programDeadlineMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as readonly ProgramOutcome[];
  } catch {
    const tail = stderr.trim().split('\n').slice(-8).join('\n');
    throw new Error(`${program} printed no outcome: ${stdout.slice(0, 400)}\n${tail}`);
  }
}
