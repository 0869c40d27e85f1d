/**
 * Measures proxy-init from exec to exit, its proof included, each time in a network namespace that is new,
 * against Node doing nothing and against the six iptables calls of upstream's script. Needs root.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNamespace } from '../test/support/netns.ts';
import { upstreamCalls } from '../test/support/netns-init.ts';
import { proxyInit } from '../test/support/netns-lab.ts';
import { median } from './harness/statistics.ts';

/** One measured value beside its counterpart. */
export interface InitRow {
  readonly measure: string;
  readonly value: number;
  readonly unit: 'ms' | 'MiB';
  readonly comparedTo: string;
  /** The median of the ratios of runs that were made directly one after the other. */
  readonly ratio: number;
}

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const nodeAlone: Contender = { name: 'node -e 0', command: [process.execPath, '-e', '0'] };
const sixCalls: Contender = {
  name: 'six iptables calls by sh',
  command: ['sh', '-c', upstreamCalls],
};
const inits = ['auto', 'iptables', 'nft', 'iptables-legacy'].map(
  (backend): Contender => ({
    name: `proxy-init, INIT_BACKEND=${backend}`,
    command: [proxyInit],
    env: { INIT_BACKEND: backend },
  }),
);

/** What one run took. */
interface Cost {
  readonly durationMs: number;
  /** Only of Node programs. */
  readonly peakRssKib: number;
  readonly anonymousKib: number;
}

/** @param rounds how often each contender runs; all of them run once before any runs again */
export async function benchInit(rounds = 15): Promise<readonly InitRow[]> {
  const contenders = [nodeAlone, sixCalls, ...inits];
  const costs = new Map<Contender, Cost[]>(contenders.map((contender) => [contender, []]));
  // The first round warms the page cache and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    // The first one pays for caches that the others find warm.
    const order = contenders.map((_, at) => contenders[(at + round) % contenders.length]);
    for (const contender of order) {
      if (contender === undefined) continue;
      const durationMs = await time(contender);
      const memory = contender === sixCalls ? noMemory : await weigh(contender);
      if (round > 0) costs.get(contender)?.push({ durationMs, ...memory });
    }
  }
  const toRow = (
    measure: string,
    unit: InitRow['unit'],
    contender: Contender,
    base: Contender,
    pick: (cost: Cost) => number,
  ): InitRow => {
    const [values, bases] = [contender, base].map((each) => (costs.get(each) ?? []).map(pick));
    const ratios = (values ?? []).map((value, at) => value / (bases?.[at] ?? Number.NaN));
    const name = `${contender.name}: ${measure}`;
    return {
      measure: name,
      value: median(values ?? []),
      unit,
      comparedTo: base.name,
      ratio: median(ratios),
    };
  };
  const durationOf = ({ durationMs }: Cost): number => durationMs;
  return [
    toRow('exec to exit', 'ms', sixCalls, nodeAlone, durationOf),
    ...inits.flatMap((init) => [
      toRow('exec to exit', 'ms', init, nodeAlone, durationOf),
      toRow('exec to exit', 'ms', init, sixCalls, durationOf),
    ]),
    ...inits
      .slice(0, 1)
      .flatMap((init) => [
        toRow('peak resident memory', 'MiB', init, nodeAlone, (cost) => cost.peakRssKib / 1024),
        toRow(
          'anonymous memory at exit',
          'MiB',
          init,
          nodeAlone,
          (cost) => cost.anonymousKib / 1024,
        ),
      ]),
  ];
}

const noMemory = { peakRssKib: 0, anonymousKib: 0 };

/** Runs a contender in a namespace where the metadata address has a route. */
async function inNewNamespace<T>(
  { command, env = {} }: Contender,
  act: (run: (moreEnv?: Readonly<Record<string, string>>) => Promise<void>) => Promise<T>,
): Promise<T> {
  const namespace = await createNamespace();
  try {
    await namespace.must(['ip', 'route', 'add', 'local', '169.254.169.254/32', 'dev', 'lo']);
    return await act(async (moreEnv = {}) => {
      await namespace.must(command, { env: { ...env, ...moreEnv } });
    });
  } finally {
    await namespace.remove();
  }
}

function time(contender: Contender): Promise<number> {
  return inNewNamespace(contender, async (run) => {
    const startedAt = performance.now();
    await run();
    return performance.now() - startedAt;
  });
}

/** A separate run, since the script that looks at the memory costs time. */
async function weigh(contender: Contender): Promise<Pick<Cost, 'peakRssKib' | 'anonymousKib'>> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-init-'));
  try {
    const report = join(directory, 'memory.json');
    const preload = join(directory, 'preload.cjs');
    await writeFile(
      preload,
      `process.on('exit', () => {
        const fs = process.getBuiltinModule('node:fs');
        const status = fs.readFileSync('/proc/self/status', 'utf8');
        const anonymousKib = Number(/^RssAnon:\\s*(\\d+)/m.exec(status)[1]);
        const peakRssKib = process.resourceUsage().maxRSS;
        fs.writeFileSync(${JSON.stringify(report)}, JSON.stringify({ anonymousKib, peakRssKib }));
      });`,
    );
    await inNewNamespace(contender, (run) => run({ NODE_OPTIONS: `--require=${preload}` }));
    return JSON.parse(await readFile(report, 'utf8')) as typeof noMemory;
  } finally {
    await rm(directory, { recursive: true });
  }
}

if (import.meta.main) {
  for (const { measure, value, unit, comparedTo, ratio } of await benchInit()) {
    console.log(`${measure}: ${value.toFixed(1)} ${unit}, ${ratio.toFixed(2)}× ${comparedTo}`);
  }
}
