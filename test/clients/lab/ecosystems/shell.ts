import { join } from 'node:path';
import type { Ecosystem } from '../ecosystem.ts';

/** What the system has. */
export const shell: Ecosystem = {
  tools: ['curl'],
  sources: ({ program }) => [`shell/${program}.sh`],
  manifest: () => ({}),
  lockFiles: [],
  lock: () => [],
  install: () => [],
  command: ({ program }, directory) => ['sh', join(directory, `${program}.sh`)],
  findRegistry: [],
};
