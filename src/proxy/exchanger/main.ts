import { join } from 'node:path';
import { compile } from '../../shared/compile-cached.ts';
import type { runExchanger } from './program.ts';

/**
 * The exchanger process: started by the server, spoken to over file descriptor 3, gone when that closes.
 * This file only loads the program beside it, from its code cache.
 */
const program = compile(join(__dirname, 'exchanger-program.js'), require).run() as {
  readonly runExchanger: typeof runExchanger;
};
program.runExchanger(3);
