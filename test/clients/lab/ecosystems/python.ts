import { join } from 'node:path';
import { type Ecosystem, pin } from '../ecosystem.ts';

const pip = ['venv/bin/pip', 'install', '--quiet'] as const;

export const python: Ecosystem = {
  tools: ['python3'],
  sources: ({ program, modules = [] }) =>
    ['answer', ...modules, program].map((name) => `python/${name}.py`),
  manifest: () => ({}),
  lockFiles: ['requirements.txt'],
  lock: (client) => [
    ['python3', '-m', 'venv', 'venv'],
    [...pip, ...pin('==', client)],
    ['sh', '-c', 'venv/bin/pip freeze > requirements.txt'],
  ],
  install: (client) => [
    ['python3', '-m', 'venv', 'venv'],
    // Named as well: setuptools, which some need, is not in the list that pip makes.
    [...pip, '--no-deps', '--requirement', 'requirements.txt', ...pin('==', client)],
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
