import { join } from 'node:path';
import type { Ecosystem } from '../ecosystem.ts';
import { javascript } from './javascript.ts';
import { python } from './python.ts';

/** Programs that packages of npm carry, started by a script in Python: they are not called from JavaScript. */
export const npmProgram: Ecosystem = {
  ...javascript,
  tools: [...javascript.tools, ...python.tools],
  sources: (client) => python.sources(client),
  command: ({ program }, directory) => ['python3', join(directory, `${program}.py`)],
};
