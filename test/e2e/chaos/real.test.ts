/** `npm run chaos:real`: a short run from a fixed seed, proof that it finds and shrinks faults, and its clean-up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundle } from '../../../build/bundle.ts';
import { findObstacle } from '../../../chaos/real/namespaces.ts';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import { dist, until } from '../../support/proxy-process.ts';
import { describeUnless } from '../../support/skip.ts';
import { mutants } from '../../unit/token/model/mutants.ts';

const program = join(import.meta.dirname, '../../../chaos/real.ts');
/** For the temporary files of the runs. */
let home = '';

function start(...options: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...options], {
    env: { ...process.env, TMPDIR: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function run(...options: readonly string[]) {
  const child = start(...options);
  const [output, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    once(child, 'exit'),
  ]);
  return { output, code: code as number | null };
}

/** Processes whose command line names the folder of the runs. */
function findProcesses(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(home);
    } catch {
      return false;
    }
  });
}

/** The built programs with a fault in the cache. */
async function buildMutant(folder: string, fault: string): Promise<void> {
  const mutant = mutants.find((one) => one.fault === fault);
  if (mutant === undefined) throw new Error(`no such mutant: ${fault}`);
  let changed = 0;
  cpSync(dist, folder, { recursive: true });
  await bundle({
    name: 'proxy-start.js',
    entry: 'src/proxy/start.ts',
    asFunction: true,
    outdir: folder,
    plugins: [
      {
        name: 'mutant',
        setup(esbuild) {
          esbuild.onLoad({ filter: new RegExp(`/token/${mutant.file}$`) }, ({ path }) => {
            const contents = readFileSync(path, 'utf8').replace(mutant.from, mutant.to);
            changed += Number(contents.includes(mutant.to));
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  if (changed !== 1) throw new Error(`${mutant.file} was changed ${changed} times, not once`);
}

describeUnless(findObstacle(), 'chaos against the built programs', () => {
  beforeEach(() => {
    home = makeSharedFolder('chaos real-');
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });

  test('random faults break no promise, and leave nothing behind', async () => {
    const { output, code } = await run(
      ...['--seed', '20', '--seconds', '8', '--faults', '12', '--minutes', '0.01', '--quick'],
    );
    expect(output).toContain('no promise broken');
    expect(output).toMatch(/^12 faults, \d+ of \d+ kinds: /m);
    expect(code).toBe(0);
    expect(readdirSync(home)).toEqual([]);
    expect(findProcesses()).toEqual([]);
  }, 300_000);

  test('a deliberate fault is found, shrinks to the one fault that it needs, and fails again when that is played', async () => {
    const programs = join(home, 'programs');
    await buildMutant(programs, 'a suspension does not age tokens');
    const needed = 'clock/suspended-for-three-hours';
    const { output, code } = await run(
      ...['--programs', programs, '--seed', '3', '--seconds', '4', '--faults', '4', '--quick'],
      ...['--only', `${needed},callers/burst,entra/slow,assertion/rotated-every-minute`],
    );
    expect(output).toMatch(/^FAILS at 00:00:\d\d: https:.* got a token with -\d+ ms of life/m);
    expect(code).toBe(1);
    const [, shortest = ''] = /--play '(.*)'$/m.exec(output) ?? [];
    expect(JSON.parse(shortest).faults).toEqual([
      { name: needed, atMs: expect.any(Number), forMs: expect.any(Number) },
    ]);
    const again = await run('--programs', programs, '--quick', '--play', shortest);
    expect(again.output).toMatch(/^the schedule: FAILS at .* got a token with -/);
    expect(again.code).toBe(1);
  }, 300_000);

  test.each<[NodeJS.Signals, number | null]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ])('%s ends everything inside', async (signal, expected) => {
    const child = start('--log', '--quick');
    const exited = once(child, 'exit');
    if (child.stdout !== null) await once(createInterface({ input: child.stdout }), 'line');
    expect(findProcesses().length).toBeGreaterThan(1);
    child.kill(signal);
    const [code] = await exited;
    expect(code).toBe(expected);
    await until(() => findProcesses().length === 0, 'all processes have ended');
    // Nobody is left to remove it after SIGKILL.
    if (signal !== 'SIGKILL') expect(readdirSync(home)).toEqual([]);
  });
});
