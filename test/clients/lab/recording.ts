import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Recorded, recordings } from '../../support/recorded-clients.ts';
import type { Client } from './client.ts';
import type { Played } from './play.ts';
import type { ScenarioName } from './scenarios.ts';

/** Writes what a client has sent, each request once. */
export async function writeRecording(client: Client, played: readonly Played[]): Promise<void> {
  const kept = new Map<
    string,
    { scenarios: Set<ScenarioName>; statuses: Set<number>; lines: readonly string[] }
  >();
  for (const { scenario, requests } of played) {
    for (const { bytes, status } of requests) {
      const lines = bytes.trimEnd().split('\r\n').map(withoutChance);
      const key = lines.join('\n');
      const one = kept.get(key) ?? { scenarios: new Set(), statuses: new Set(), lines };
      one.scenarios.add(scenario);
      if (status !== undefined) one.statuses.add(status);
      kept.set(key, one);
    }
  }
  const recorded = [...kept.values()].map(
    ({ scenarios, statuses, lines }): Recorded => ({
      scenarios: [...scenarios],
      request: lines,
      statuses: [...statuses].sort(),
    }),
  );
  await mkdir(recordings, { recursive: true });
  await writeFile(join(recordings, `${client.id}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
}

/** Correlation IDs differ with every request, and a kernel's version says where the record was made. */
function withoutChance(line: string): string {
  return line
    .replace(
      /^(x-ms-client-request-id|client-request-id|return-client-request-id): [0-9a-f-]{36}$/i,
      '$1: 00000000-0000-4000-8000-000000000000',
    )
    .replace(/\d+\.\d+\.\d+-[\w.-]*(?:amd64|generic|x86_64)?/g, (version) =>
      /^user-agent/i.test(line) ? '6.1.0' : version,
    );
}
