import { spawn } from 'node:child_process';

/** After this no client may still wait: msrestazure may wait 102 s between two requests. */
const programDeadlineMs = 300_000;

/** What a program says of one request: a token, or an error of its library. */
export interface ProgramOutcome {
  readonly token?: string;
  readonly error?: string;
  readonly message?: string;
}

/**
 * Runs a client's program to its end. What it has started is not waited for: that ends with the stage.
 * @throws if it does not print what came of its requests, or does not end in time
 */
export async function runProgram(
  [program = '', ...args]: readonly string[],
  {
    home,
    extraEnv = {},
    deadlineMs = programDeadlineMs,
  }: {
    readonly home: string;
    readonly extraEnv?: Readonly<Record<string, string>>;
    readonly deadlineMs?: number;
  },
): Promise<readonly ProgramOutcome[]> {
  // Variables of Azure's libraries would send them elsewhere.
  const env = {
    ...{ PATH: process.env['PATH'], HOME: home, TMPDIR: home, LANG: 'C.UTF-8' },
    ...extraEnv,
  };
  const child = spawn(program, args, { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  let trouble = 'printed no outcome';
  const timer = setTimeout(() => {
    trouble = `did not end within ${deadlineMs / 1_000} s`;
    child.kill('SIGKILL');
    // Others may hold their other ends.
    child.stdout.destroy();
    child.stderr.destroy();
  }, deadlineMs);
  child.once('error', ({ message }) => {
    trouble = `cannot be started (${message})`;
  });
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  try {
    return JSON.parse(output.stdout.trim().split('\n').at(-1) ?? '') as readonly ProgramOutcome[];
  } catch {
    const tail = output.stderr.trim().split('\n').slice(-8).join('\n');
    throw new Error(`${program} ${trouble}: ${output.stdout.slice(0, 400)}\n${tail}`);
  }
}
