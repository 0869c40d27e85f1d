import { createJsonLogger } from '../shared/json-log.ts';
import type { Environment } from '../shared/options.ts';
import { writeStderr } from '../shared/stderr.ts';
import { systemClock } from './clock.ts';
import { loadConfig } from './config.ts';
import { serve } from './serve.ts';

/** What became of a start: an exit code, or why the command line asks for something else. */
export type Started =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly error: string }
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

/**
 * Reads the configuration, reports it and serves until it is time to leave. Configuration and server are
 * one file of the build: each file that has to be found and loaded costs the start 2 %.
 */
export async function start(argv: readonly string[], env: Environment): Promise<Started> {
  const loaded = loadConfig(argv, env);
  if (loaded.kind !== 'config') return loaded;
  const { config, warnings, fields } = loaded;
  const logger = createJsonLogger({
    level: config.logLevel,
    name: 'proxy',
    write: writeStderr,
    clock: systemClock,
  });
  logger.log('info', 'effective configuration', fields);
  for (const warning of warnings) logger.log('warning', warning);
  return { kind: 'exited', exitCode: await serve(config) };
}
