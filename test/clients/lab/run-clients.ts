import { once } from 'node:events';
import type { Client } from './client.ts';
import type { Outcome, Report } from './outcome.ts';
import type { Played } from './play.ts';
import { type Prepared, prepare } from './prepare.ts';
import { writeRecording } from './recording.ts';
import { runClient } from './run-client.ts';
import type { ScenarioName } from './scenarios.ts';

export interface Run {
  readonly clients: readonly Client[];
  readonly scenarios: readonly ScenarioName[];
  /** Whether to keep what each client sends. */
  readonly records: boolean;
  /** How many clients are at work at a time. */
  readonly jobs: number;
  readonly onOutcome: (outcome: Outcome) => void;
  /** Ends the run, after what is at work has been cleaned up. */
  readonly signal: AbortSignal;
}

/** Installs and plays the clients in their order. @throws the signal's reason if that has ended it */
export async function runClients(run: Run): Promise<Report> {
  const { clients, jobs, onOutcome, signal } = run;
  const startedAt = performance.now();
  const outcomes = new Map<Client, Outcome>();
  const queue = [...clients];
  signal.throwIfAborted();
  const ended = once(signal, 'abort').then(
    (): Prepared => ({ state: 'failed', reason: 'the run has been ended' }),
  );
  const work = async (): Promise<void> => {
    for (let client = queue.shift(); client !== undefined; client = queue.shift()) {
      // An install may take minutes: nobody waits for it once the run has been ended.
      const prepared = await Promise.race([prepare(client), ended]);
      const outcome = await play(client, prepared, run);
      if (signal.aborted) return;
      outcomes.set(client, outcome);
      onOutcome(outcome);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  signal.throwIfAborted();
  return {
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    jobs,
    outcomes: clients.flatMap((client) => outcomes.get(client) ?? []),
  };
}

async function play(
  client: Client,
  prepared: Prepared,
  { scenarios, records, signal }: Run,
): Promise<Outcome> {
  if (prepared.state === 'skipped') return { client, ...prepared };
  if (prepared.state === 'failed') {
    return { client, state: 'failed', played: toBroken(prepared.reason, scenarios), seconds: 0 };
  }
  const startedAt = performance.now();
  const { command } = prepared;
  const played = await runClient(client, { command, records, only: scenarios }, signal).catch(
    (error: unknown) => toBroken(error, scenarios),
  );
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const isWhole = played.length === scenarios.length;
  const isFine = isWhole && played.every(({ verdict }) => verdict !== 'failed');
  // What a failed run has recorded would take the place of what is whole.
  if (records && isFine) await writeRecording(client, played);
  return { client, state: isFine ? 'passed' : 'failed', played, seconds };
}

/** What breaks before a client's first request is a failure of this client alone. */
function toBroken(
  error: unknown,
  [scenario = 'default']: readonly ScenarioName[],
): readonly Played[] {
  const remark = error instanceof Error ? error.message : String(error);
  return [{ scenario, ms: 0, requests: [], verdict: 'failed', remark }];
}
