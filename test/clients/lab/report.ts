import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clients } from './catalogue.ts';
import { renderDocument } from './document.ts';
import {
  type Build,
  type Kept,
  type Laboratory,
  laboratoryFile,
  type Outage,
  readLaboratory,
} from './laboratory.ts';
import type { Outcome, Report } from './outcome.ts';
import type { RecordedRequest } from './tap.ts';

/** What renderDocument is kept as. */
export const documentFile = join(import.meta.dirname, '..', '..', '..', 'docs', 'compatibility.md');

/**
 * Keeps the results of a run, failures included, and writes the document anew. Of a client that it
 * has not run, the last result stays, with the build that it is of.
 */
export async function writeReport({ outcomes }: Report, build: Build): Promise<void> {
  const before = await readLaboratory();
  const found = Object.fromEntries(
    outcomes.flatMap((outcome) => {
      if (outcome.state === 'skipped') return [];
      const { id } = outcome.client;
      const old = before.clients[id];
      const outage = findOutage(outcome, build);
      if (outage !== undefined) return old === undefined ? [] : [[id, { ...old, outage }]];
      const kept = toKept(outcome, build);
      return [[id, old?.outage === undefined ? kept : { ...kept, outage: old.outage }]];
    }),
  );
  const laboratory: Laboratory = {
    clients: Object.fromEntries(
      clients.flatMap(({ id }) => {
        const kept = found[id] ?? before.clients[id];
        return kept === undefined ? [] : [[id, kept]];
      }),
    ),
  };
  await writeFile(laboratoryFile, `${JSON.stringify(laboratory, null, 2)}\n`);
  await writeFile(documentFile, renderDocument(laboratory));
}

type Ended = Extract<Outcome, { readonly seconds: number }>;

/** Undefined of a run that was of the usual scenarios. */
function findOutage({ played }: Ended, build: Build): Outage | undefined {
  const one = played.find(({ scenario }) => scenario === 'outage');
  if (one === undefined || one.verdict === 'not offered') return undefined;
  const { verdict, ms, requests } = one;
  return { ...build, verdict, ms, requests: requests.filter(isForToken).length };
}

function isForToken({ bytes }: RecordedRequest): boolean {
  return /^metadata: true/im.test(bytes);
}

function toKept({ played, seconds }: Ended, build: Build): Kept {
  return {
    ...build,
    seconds,
    verdicts: Object.fromEntries(played.map(({ scenario, verdict }) => [scenario, verdict])),
    ms: Object.fromEntries(
      played.flatMap(({ scenario, verdict, ms }) =>
        verdict === 'not offered' ? [] : [[scenario, ms]],
      ),
    ),
  };
}
