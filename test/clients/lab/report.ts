import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { clients } from './catalogue.ts';
import { renderDocument } from './document.ts';
import { type Kept, type Laboratory, laboratoryFile } from './laboratory.ts';
import type { Outcome, Report } from './outcome.ts';

/** What renderDocument is kept as. */
export const documentFile = join(import.meta.dirname, '..', '..', '..', 'docs', 'compatibility.md');

/**
 * Keeps a run as it was, failures included, and writes the document anew.
 * @throws unless every client had its turn: results of several runs, or of several builds, do not mix
 */
export async function writeReport(
  { outcomes, seconds, jobs }: Report,
  proxyCommit: string,
): Promise<void> {
  if (outcomes.length !== clients.length) throw new Error('--report is of runs with every client');
  const laboratory: Laboratory = {
    proxyCommit,
    seconds,
    jobs,
    cores: availableParallelism(),
    skipped: outcomes.flatMap(({ client, state }) => (state === 'skipped' ? [client.id] : [])),
    clients: Object.fromEntries(
      outcomes.flatMap((outcome) =>
        outcome.state === 'skipped' ? [] : [[outcome.client.id, toKept(outcome)]],
      ),
    ),
  };
  await mkdir(dirname(laboratoryFile), { recursive: true });
  await writeFile(laboratoryFile, `${JSON.stringify(laboratory, null, 2)}\n`);
  await writeFile(documentFile, renderDocument(laboratory));
}

function toKept({ played, seconds }: Extract<Outcome, { readonly seconds: number }>): Kept {
  return {
    seconds,
    verdicts: Object.fromEntries(played.map(({ scenario, verdict }) => [scenario, verdict])),
    ms: Object.fromEntries(
      played.flatMap(({ scenario, verdict, ms }) =>
        verdict === 'not offered' ? [] : [[scenario, ms]],
      ),
    ),
  };
}
