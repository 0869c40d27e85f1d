import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, summarisePairs } from '../harness/statistics.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import type { Lab } from '../lab.ts';
import { inUs, type Result, toRatioResult } from '../report/result.ts';
import { askToken } from './first-token.ts';
import { cpuPerHitUs } from './hits.ts';

/** Whether a full cache makes a hit dearer. */
export async function measureKeys(lab: Lab): Promise<readonly Result[]> {
  const { counts, sdk, serverCpu: cpu } = lab;
  const resources = Array.from({ length: counts.keys }, (_, key) => `https://key-${key}.example`);
  await using directory = await temporaryDirectory(tmpdir());
  await using full = await lab.startProxy({ cpu });
  await using single = await lab.startProxy({ cpu });
  for (const resource of resources) await askToken(lab, full.port, resource);
  await askToken(lab, single.port, resources[0]);

  const all = join(directory.path, 'all.lua');
  const one = join(directory.path, 'one.lua');
  await writeFile(all, toWrkScript(resources.map((resource) => sdk.path(resource))));
  await writeFile(one, toWrkScript(resources.slice(0, 1).map((resource) => sdk.path(resource))));

  await cpuPerHitUs(lab, full, all);
  await cpuPerHitUs(lab, single, one);
  const pairs = await interleave(
    counts['key-windows'],
    () => cpuPerHitUs(lab, full, all),
    () => cpuPerHitUs(lab, single, one),
  );
  return [
    toRatioResult(
      {
        measure: `cost of a hit with ${counts.keys} keys cached against 1`,
        method: `As the CPU per cached answer; the requests name all ${counts.keys} resources in turn, and in the column of the bare server stands a proxy that has been asked for one.`,
        aim: '≤ 1.1×',
      },
      summarisePairs(pairs),
      inUs,
      1.1,
    ),
  ];
}

/** A script that lets wrk ask for all paths in turn; the requests are made once. */
export function toWrkScript(paths: readonly string[]): string {
  return [
    `local paths = { ${paths.map((path) => JSON.stringify(path)).join(', ')} }`,
    'local requests, at = {}, 0',
    'function init() for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end end',
    'function request() at = at % #requests + 1; return requests[at] end',
    '',
  ].join('\n');
}
