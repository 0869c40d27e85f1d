import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Recorded, recordings } from '../../support/recorded-clients.ts';
import type { Client } from './client.ts';

/** What is peculiar about the recorded requests of a client, for those who write or debug a metadata service. */
export interface Peculiarities {
  /** Names by which it selects an identity, in the order in which it was seen to use them. */
  readonly selectors: readonly string[];
  /** Whether it names the identity before the resource. */
  readonly isIdentityFirst: boolean;
  /** Whether it sends a request without the header `Metadata` first. */
  readonly hasProbe: boolean;
  readonly hasLowerCaseHeaders: boolean;
  readonly hasUserAgent: boolean;
}

const selectorNames = ['client_id', 'object_id', 'msi_res_id', 'mi_res_id', 'resource_id'];

export function readRecording({ id }: Client): readonly Recorded[] {
  return JSON.parse(readFileSync(join(recordings, `${id}.json`), 'utf8')) as readonly Recorded[];
}

export function findPeculiarities(recorded: readonly Recorded[]): Peculiarities {
  const requests = recorded
    .map(({ request: [line = '', ...headers] }) => ({ line, headers }))
    .filter(({ line }) => line.includes('/oauth2/token'));
  const named = requests.map(({ line }) => toNames(line));
  const hasHeader = (headers: readonly string[], name: string): boolean =>
    headers.some((header) => header.toLowerCase().startsWith(`${name}:`));
  return {
    selectors: selectorNames.filter((name) => named.some((names) => names.includes(name))),
    isIdentityFirst: named.some((names) => {
      const [resource, identity] = [
        names.indexOf('resource'),
        names.findIndex((name) => selectorNames.includes(name)),
      ];
      return identity >= 0 && identity < resource;
    }),
    hasProbe: requests.some(({ headers }) => !hasHeader(headers, 'metadata')),
    hasLowerCaseHeaders: requests.some(({ headers }) =>
      headers.some((header) => header.startsWith('metadata:')),
    ),
    hasUserAgent: requests.every(({ headers }) => hasHeader(headers, 'user-agent')),
  };
}

function toNames(line: string): readonly string[] {
  const [, target = ''] = line.split(' ');
  return [...new URL(target, 'http://169.254.169.254').searchParams.keys()];
}
