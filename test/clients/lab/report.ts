import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clients } from './catalogue.ts';
import { renderDocument } from './document.ts';
import { type Kept, type Laboratory, laboratoryFile, readLaboratory } from './laboratory.ts';
import type { Outcome, Report } from './outcome.ts';

/** What renderDocument is kept as. */
export const documentFile = join(import.meta.dirname, '..', '..', '..', 'docs', 'compatibility.md');

/**
 * Keeps the results of a run, failures included, and writes the document anew. Of a client that it
 * has not run, the last result stays, with the build that it is of.
 */
export async function writeReport({ outcomes }: Report, proxyCommit: string): Promise<void> {
  const before = await readLaboratory();
  const found = Object.fromEntries(
    outcomes.flatMap((outcome) =>
      outcome.state === 'skipped' ? [] : [[outcome.client.id, toKept(outcome, proxyCommit)]],
    ),
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

function toKept(
  { played, seconds }: Extract<Outcome, { readonly seconds: number }>,
  proxyCommit: string,
): Kept {
  return {
    proxyCommit,
    seconds,
    verdicts: Object.fromEntries(played.map(({ scenario, verdict }) => [scenario, verdict])),
    ms: Object.fromEntries(
      played.flatMap(({ scenario, verdict, ms }) =>
        verdict === 'not offered' ? [] : [[scenario, ms]],
      ),
    ),
  };
}
