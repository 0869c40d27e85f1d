import { join } from 'node:path';
import type { Client } from '../client.ts';
import { type Command, type Ecosystem, pin } from '../ecosystem.ts';

export const go: Ecosystem = {
  tools: ['go'],
  sources: ({ program }) => ['go', `go/${program}`],
  manifest: () => ({}),
  lockFiles: ['go.mod', 'go.sum'],
  lock: (client) => [
    ['go', 'mod', 'init', 'client'],
    // The oldest that the programs need; a library that needs more raises it.
    ['go', 'mod', 'edit', '-go=1.23'],
    ...pin('@v', client).map((module): Command => ['go', 'mod', 'edit', `-require=${module}`]),
    ['go', 'get', ...toTags(client), './...'],
  ],
  install: (client) => [['go', 'build', '-mod=readonly', ...toTags(client), '-o', 'client', '.']],
  command: (_, directory) => [join(directory, 'client')],
  findRelease: ({ library }) => ['go', 'list', '-m', '-f', '{{.Version}}', `${library}@latest`],
  // Versions are asked for anew each time; modules would come from the cache.
  findRegistry: [['go', 'list', '-m', '-versions', 'golang.org/x/mod']],
};

function toTags({ abilities }: Client): readonly string[] {
  return abilities.includes('objectId') ? ['-tags', 'objectid'] : [];
}
