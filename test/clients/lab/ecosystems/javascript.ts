import { join } from 'node:path';
import { type Ecosystem, pin } from '../ecosystem.ts';

/** Tries again soon or not at all: by default npm spends more than a minute on a registry that is not there. */
const patience = [
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=3000',
] as const;
const options = [
  ...['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', '.'],
  ...patience,
] as const;

export const javascript: Ecosystem = {
  tools: ['npm'],
  sources: ({ program }) => ['answer', program].map((name) => `javascript/${name}.mjs`),
  manifest: (client) => ({
    'package.json': JSON.stringify({
      name: 'client',
      private: true,
      type: 'module',
      dependencies: Object.fromEntries(pin('@', client).map(toEntry)),
    }),
  }),
  lockFiles: ['package-lock.json'],
  // Without addresses: a registry may have a mirror.
  lock: () => [
    ['npm', 'install', '--package-lock-only', '--omit-lockfile-registry-resolved', ...options],
  ],
  install: () => [['npm', 'ci', ...options]],
  command: ({ program }, directory) => [process.execPath, join(directory, `${program}.mjs`)],
  findRelease: ({ library }) => ['npm', 'view', ...patience, library, 'version'],
  findRegistry: [['npm', 'view', '--prefer-online', ...patience, 'npm', 'version']],
};

function toEntry(text: string): readonly [string, string] {
  const at = text.lastIndexOf('@');
  return [text.slice(0, at), text.slice(at + 1)];
}
