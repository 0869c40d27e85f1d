import type { JournalEntry } from '../src/emulator/journal.ts';

/** The requests that the emulator has received, the oldest first. */
export async function readJournal(adminUrl: string): Promise<readonly JournalEntry[]> {
  return (await callAdmin(adminUrl, 'GET', '/journal')).json() as Promise<readonly JournalEntry[]>;
}

/** Calls the emulator’s admin API. @throws Error with its message if it refuses */
export async function callAdmin(
  adminUrl: string,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`the emulator refused ${path}: ${await response.text()}`);
  return response;
}
