import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from './judge.ts';
import type { ScenarioName } from './scenarios.ts';

/** What is kept of each client's last run: no messages, which differ from run to run. */
export interface Laboratory {
  readonly clients: Readonly<Record<string, Kept>>;
}

/** The proxy that a client was run against, and when. */
export interface Build {
  readonly proxyVersion: string;
  /** The commit that the proxy was built from. */
  readonly proxyCommit: string;
  /** Day of the run, as 2026-11-29. */
  readonly date: string;
}

export interface Kept extends Build {
  readonly seconds: number;
  readonly verdicts: Readonly<Partial<Record<ScenarioName, Verdict>>>;
  readonly ms: Readonly<Partial<Record<ScenarioName, number>>>;
  /** Of another run, with a tap. */
  readonly outage?: Outage;
}

/** What a client did while Entra was down for longer than the proxy waits within one request. */
export interface Outage extends Build {
  readonly verdict: Verdict;
  readonly ms: number;
  /** How many requests for a token it has sent. */
  readonly requests: number;
}

/** Where the last run of each client is kept. */
export const laboratoryFile = join(import.meta.dirname, '..', 'laboratory.json');

export async function readLaboratory(): Promise<Laboratory> {
  return JSON.parse(await readFile(laboratoryFile, 'utf8')) as Laboratory;
}
