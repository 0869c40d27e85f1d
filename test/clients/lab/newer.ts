import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { type Client, toEcosystemName } from './client.ts';
import type { Command } from './ecosystem.ts';
import { toEcosystem } from './ecosystems.ts';

const execute = promisify(execFile);
const deadlineMs = 60_000;

/** A library of the catalogue, and what its registry says. */
export type Newest =
  | { readonly client: Client; readonly state: 'newest' | 'unknown' }
  | { readonly client: Client; readonly state: 'older'; readonly released: string }
  /** The registry has not answered, or in a way that has no version in it. */
  | { readonly client: Client; readonly state: 'failed'; readonly reason: string };

/**
 * Compares the newest version of each library in the catalogue with the newest release.
 * @param ask runs a command and returns its output; throws if it fails
 */
export async function findNewer(
  clients: readonly Client[],
  ask: (command: Command) => Promise<string> = askRegistry,
): Promise<readonly Newest[]> {
  const newest = new Map<string, Client>();
  for (const client of clients) {
    const key = `${toEcosystemName(client)} ${client.library}`;
    const known = newest.get(key);
    if (known === undefined || compareVersions(client.version, known.version) > 0) {
      newest.set(key, client);
    }
  }
  const found: Newest[] = [];
  for (const client of newest.values()) found.push(await compare(client, ask));
  return found;
}

async function compare(
  client: Client,
  ask: (command: Command) => Promise<string>,
): Promise<Newest> {
  const command = toEcosystem(client).findRelease?.(client);
  if (command === undefined) return { client, state: 'unknown' };
  try {
    const said = await ask(command);
    const [, released] = /(?:^|[\s(v])(\d+(?:\.\d+)+[\w.-]*)/m.exec(said) ?? [];
    if (released === undefined) {
      return {
        client,
        state: 'failed',
        reason: `no version in ${JSON.stringify(said.slice(0, 80))}`,
      };
    }
    // A registry without a mark for them names these as the last one.
    const isPreview = /-(?:alpha|beta|preview|rc)/.test(released);
    return !isPreview && compareVersions(released, client.version) > 0
      ? { client, state: 'older', released }
      : { client, state: 'newest' };
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { client, state: 'failed', reason };
  }
}

/** By their numbers, one after the other; negative if the first is older. */
export function compareVersions(one: string, other: string): number {
  const toNumbers = (version: string): readonly number[] =>
    version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [toNumbers(one), toNumbers(other)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function askRegistry([program, ...args]: Command): Promise<string> {
  // Not in a checkout, whose files some tools would read.
  const { stdout } = await execute(program, args, { cwd: tmpdir(), timeout: deadlineMs });
  return stdout;
}

/** @returns a line for people; of a newer release also as an annotation of GitHub Actions, if that runs it */
export function describeNewest(newest: Newest, isGitHub: boolean): string {
  const { id, library, version } = newest.client;
  switch (newest.state) {
    case 'newest':
      return `${id}: ${version} is the newest release of ${library}`;
    case 'unknown':
      return `${id}: ${library} ${version}; its registry cannot be asked for releases`;
    case 'older':
      return `${isGitHub ? '::warning::' : ''}${id}: ${library} ${version} is in the catalogue, and ${newest.released} is released`;
    case 'failed':
      return `${id}: no answer for ${library}: ${newest.reason}`;
  }
}
