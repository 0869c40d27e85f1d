import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Environment } from '../shared/options.ts';
import { loadConfig } from './config/config.ts';
import { createLogger } from './process/logger.ts';
import { type ProcessHooks, serve } from './serve.ts';

/** The result of a start: an exit code, or the command that the command line asks for instead. */
export type Started =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly error: string }
  | { readonly kind: 'invalid'; readonly errors: readonly string[] };

/**
 * Reads the configuration, logs it and serves until the process must stop. Configuration and server are one
 * file of the build, because each file that must be found and loaded costs 2 % of the start.
 */
export async function start(
  argv: readonly string[],
  env: Environment,
  hooks: ProcessHooks,
): Promise<Started> {
  const loaded = loadConfig(argv, env);
  if (loaded.kind !== 'config') return loaded;
  const { config, warnings, fields } = loaded;
  const logger = createLogger({ level: config.logLevel });
  logger.log('info', 'effective configuration', fields);
  for (const warning of warnings) logger.log('warning', warning);
  return { kind: 'exited', exitCode: await serve(config, logger, hooks) };
}

/**
 * Starts with made-up values and answers one request, so that V8 has compiled the code of every start when
 * the build takes the code cache. The server continues to run.
 */
export async function warmUp(): Promise<void> {
  const port = await findFreePort();
  const flags = ['--log-level=', '--admin-port=0', '--passthrough=off'];
  const env = {
    AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000000',
    AZURE_TENANT_ID: '00000000-0000-0000-0000-000000000000',
    AZURE_FEDERATED_TOKEN_FILE: '/warm-up',
  };
  const stopped = start([`--proxy-port=${port}`, ...flags], env, {
    onFault() {},
    onSignal() {},
  });
  const answered = new Promise<void>((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path: '/readyz' }, (response) => {
        response.resume().on('end', resolve);
      })
      .on('error', reject);
  });
  await Promise.race([answered, stopped]);
}

function findFreePort(): Promise<number> {
  const server = http.createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
