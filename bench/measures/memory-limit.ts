import { copyFile, cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateCgroup } from '../harness/cgroup.ts';
import { evict } from '../harness/page-cache.ts';
import { dist } from '../harness/proxy.ts';
import { median } from '../harness/statistics.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import type { Lab } from '../lab.ts';
import { inMs, judge, notMeasured, type Result, type Row } from '../report/result.ts';
import { askToken } from './first-token.ts';

const limitsMib = [96, 88, 80, 72, 64, 56];
const mostMs = 1000;
const patienceMs = 10_000;
const aimMib = 72;

const row: Row = {
  measure: 'smallest memory limit for a first token within 1 s on a cold page cache',
  method:
    'The proxy in a control group with a memory limit, run by a copy of the Node binary of which no page is in the page cache, as in the first pod on a node; the token is asked for as soon as it is ready, and every one must come within the second.',
  aim: '≤ 72 MiB',
};

interface ColdStart {
  readonly readyMs: number;
  readonly tokenMs: number;
}

/** How little memory a pod may be given. */
export async function measureMemoryLimit(lab: Lab): Promise<readonly Result[]> {
  const { cgroups } = lab;
  if (typeof cgroups === 'string') return [notMeasured(row, cgroups)];
  // Not in the directory for temporary files, which may be in memory.
  const cache = join(dist, '../node_modules/.cache');
  await mkdir(cache, { recursive: true });
  await using directory = await temporaryDirectory(cache);
  const node = join(directory.path, 'node');
  await copyFile(process.execPath, node);
  await cp(dist, directory.path, { recursive: true });
  return [await stepDown(lab, cgroups, { node, directory: directory.path })];
}

interface Copy {
  readonly node: string;
  readonly directory: string;
}

async function stepDown(lab: Lab, createCgroup: CreateCgroup, copy: Copy): Promise<Result> {
  const details: string[] = [];
  let smallest: number | undefined;
  let failedSteps = 0;
  for (const limitMib of limitsMib) {
    const starts: ColdStart[] = [];
    for (let round = 0; round < lab.counts['limit-rounds']; round += 1) {
      starts.push(await coldStart(lab, createCgroup, copy, limitMib * 2 ** 20));
    }
    const tokens = starts.map(({ tokenMs }) => tokenMs);
    const isFine = Math.max(...tokens) <= mostMs;
    if (isFine && failedSteps === 0) smallest = limitMib;
    if (!isFine) failedSteps += 1;
    details.push(
      `${limitMib} MiB: ready after ${orNever(median(starts.map(({ readyMs }) => readyMs)))}, first token ${orNever(median(tokens))}, worst ${orNever(Math.max(...tokens))}.`,
    );
    lab.say(details.at(-1) as string);
    // Further down it only takes longer.
    if (failedSteps === 2) break;
  }
  return {
    ...row,
    value: smallest === undefined ? `more than ${limitsMib[0]} MiB` : `${smallest} MiB`,
    verdict: judge(smallest ?? Number.POSITIVE_INFINITY, aimMib),
    details,
  };
}

async function coldStart(
  lab: Lab,
  createCgroup: CreateCgroup,
  { node, directory }: Copy,
  memoryBytes: number,
): Promise<ColdStart> {
  for (const file of await readdir(directory)) await evict(join(directory, file));
  await using cgroup = createCgroup({ memoryBytes });
  await using proxy = await lab.prepareProxy({ node, directory, cgroupProcs: cgroup.procs });
  const startedAt = proxy.start();
  try {
    const readyMs = (await proxy.ready(patienceMs)) - startedAt;
    try {
      return { readyMs, tokenMs: await askToken(lab, proxy.port, undefined, patienceMs) };
    } catch (error) {
      lab.say(`under ${memoryBytes / 2 ** 20} MiB: ${(error as Error).message}`);
      return { readyMs, tokenMs: Number.POSITIVE_INFINITY };
    }
  } catch (error) {
    lab.say(`under ${memoryBytes / 2 ** 20} MiB: ${(error as Error).message}`);
    return { readyMs: Number.POSITIVE_INFINITY, tokenMs: Number.POSITIVE_INFINITY };
  }
}

function orNever(ms: number): string {
  return Number.isFinite(ms) ? inMs(ms) : `not within ${patienceMs / 1000} s`;
}
