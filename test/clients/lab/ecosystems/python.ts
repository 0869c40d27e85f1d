import { join } from 'node:path';
import { type Ecosystem, pin } from '../ecosystem.ts';

const pip = ['venv/bin/pip', 'install', '--quiet'] as const;
const venv = ['python3', '-m', 'venv', 'venv'] as const;

const uvOptions =
  '--quiet --generate-hashes --no-header --no-annotate --python venv/bin/python --output-file requirements.txt';

export const python: Ecosystem = {
  tools: ['python3'],
  sources: ({ program, modules = [] }) =>
    ['answer', ...modules, program].map((name) => `python/${name}.py`),
  manifest: () => ({}),
  lockFiles: ['requirements.txt'],
  // By uv, because pip knows only the hash of the file that it has chosen: those of another machine differ.
  lock: (client) => [
    venv,
    [...pip, 'uv==0.13.9'],
    [
      'sh',
      ...['-c', `printf '%s\\n' "$@" | venv/bin/uv pip compile ${uvOptions} -`, 'sh'],
      ...pin('==', client),
    ],
  ],
  install: () => [
    venv,
    [...pip, '--no-deps', '--require-hashes', '--requirement', 'requirements.txt'],
  ],
  command: ({ program }, directory) => [
    join(directory, 'venv', 'bin', 'python'),
    join(directory, `${program}.py`),
  ],
  findRelease: ({ library }) => ['python3', '-m', 'pip', 'index', 'versions', library],
  findRegistry: [
    ['python3', '-m', 'pip', 'download', '--quiet', '--no-cache-dir', '--no-deps', 'six==1.17.0'],
  ],
};
