import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const source = join(import.meta.dirname, '../../../src/shared/large-heap.ts');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'large heap '));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program that has the heap of the server. @param command the body of its command. */
async function run(command: string): Promise<Run> {
  const program = join(folder, 'program.mjs');
  await writeFile(
    program,
    `import { getHeapStatistics } from 'node:v8';
     import { runWithLargeHeap } from '${pathToFileURL(source)}';
     process.exitCode = await runWithLargeHeap(['a b', 'c'], async () => { ${command} });`,
  );
  const argv = ['--max-semi-space-size=1', '--max-old-space-size=40', program];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('a command with a large heap', () => {
  it('has it, the arguments and the streams, and its exit code is passed on', async () => {
    const printed =
      'console.log(process.argv.slice(2).join(), Math.floor(getHeapStatistics().heap_size_limit / 2 ** 20));';
    const { exitCode, stdout } = await run(`${printed} return 3;`);
    expect(exitCode).toBe(3);
    const [argv, megabytes] = stdout.trim().split(/ (?=\d+$)/);
    expect(argv).toBe('a b,c');
    expect(Number(megabytes)).toBeGreaterThanOrEqual(2_048);
  });

  it.each(['SIGABRT', 'SIGKILL'])('that %s ends says that the memory is full', async (signal) => {
    const { exitCode, stderr } = await run(
      `process.kill(process.pid, '${signal}'); return new Promise((resolve) => setTimeout(resolve, 60_000));`,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^proxy: the input does not fit into the memory .*; pass one namespace at a time\n$/,
    );
  });
});
