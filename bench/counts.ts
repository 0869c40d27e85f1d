import { parseArgs } from 'node:util';
import { upstreamVariable } from './harness/upstream.ts';

/** How often and how long each thing is measured; each is an option of the command line. */
export const defaultCounts = {
  'hit-windows': { value: 10, means: 'pairs of windows for the CPU per cached answer' },
  'window-seconds': { value: 2, means: 'seconds of load in a window' },
  'latency-windows': { value: 6, means: 'pairs of windows for the latency at equal load' },
  'latency-rate': { value: 5000, means: 'requests a second for the latency at equal load' },
  'exchanging-windows': { value: 6, means: 'pairs of windows with and without exchanges' },
  'exchanging-rate': { value: 4000, means: 'cached requests a second beside the exchanges' },
  starts: { value: 30, means: 'starts of each server' },
  'idle-instances': { value: 3, means: 'servers that idle side by side' },
  'idle-seconds': { value: 120, means: 'seconds until idle memory is read' },
  'wake-up-seconds': { value: 60, means: 'seconds over which wake-ups are counted' },
  'first-tokens': { value: 12, means: 'fresh proxies that are asked for a first token' },
  'fleet-size': { value: 30, means: 'servers that start at the same moment' },
  'fleet-rounds': { value: 5, means: 'starts of that many servers' },
  'large-fleet-size': {
    value: 100,
    means: 'servers that start at the same moment, the larger number',
  },
  'large-fleet-rounds': { value: 3, means: 'starts of that many servers' },
  peaks: { value: 8, means: 'fresh proxies whose memory is watched' },
  'quota-rounds': { value: 5, means: 'fresh proxies under a CPU quota' },
  'limit-rounds': { value: 3, means: 'cold starts under each memory limit' },
  probes: { value: 30, means: 'runs of the probe' },
  callers: { value: 1000, means: 'concurrent callers of one key' },
  'caller-rounds': { value: 7, means: 'fresh proxies for the concurrent callers' },
  keys: { value: 256, means: 'keys in the cache for the cost of a hit among many' },
  'key-windows': { value: 8, means: 'pairs of windows for the cost of a hit among many' },
  'init-rounds': { value: 10, means: 'rounds of proxy-init' },
  'soak-hits': { value: 1_000_000, means: 'hits before memory is read' },
} as const;

export type CountName = keyof typeof defaultCounts;
export type Counts = Readonly<Record<CountName, number>>;

export interface BenchOptions {
  readonly counts: Counts;
  /** Names of measures; empty for all. */
  readonly only: readonly string[];
  readonly help: boolean;
}

/** @throws Error naming the option that is wrong. */
export function parseBenchOptions(
  args: readonly string[],
  measures: readonly string[],
): BenchOptions {
  const names = Object.keys(defaultCounts) as CountName[];
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    },
  });
  const given = values as Readonly<Record<string, string | boolean | undefined>>;
  const only = values.only.split(',').filter((name) => name !== '');
  const unknown = only.filter((name) => !measures.includes(name));
  if (unknown.length > 0) {
    throw new Error(`--only: no measure ${unknown.join(', ')}; there are ${measures.join(', ')}`);
  }
  const counts = Object.fromEntries(
    names.map((name) => [name, toCount(name, given[name] ?? defaultCounts[name].value)]),
  ) as Record<CountName, number>;
  return { counts, only, help: values.help };
}

function toCount(name: CountName, given: string | number | boolean): number {
  const count = Number(given);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new Error(`--${name}: ${given} is not a positive whole number`);
  }
  return count;
}

export function helpText(measures: readonly string[]): string {
  return [
    'node bench/bench.ts [--only MEASURE[,MEASURE…]] [--COUNT=N …]',
    '',
    'Without --only: measures everything and writes docs/benchmarks.md. With it: prints, writes nothing.',
    '',
    `Measures: ${measures.join(', ')}`,
    '',
    `${upstreamVariable} in the environment names the Go proxy of azure-workload-identity, for the starts at once.`,
    '',
    'Counts:',
    ...Object.entries(defaultCounts).map(
      ([name, { value, means }]) => `  --${name.padEnd(16)} ${means} (${value})`,
    ),
    '',
  ].join('\n');
}
