import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Environment } from '../shared/options.ts';
import { loadConfig } from './config/config.ts';
import type { MadeUpPod } from './entra/warm-up.ts';
import type { IssuedToken } from './exchange.ts';
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
 * Starts with made-up values and answers a probe and two requests for a token, so that V8 has compiled the code
 * of every start and of every answer when the build takes the code cache. The server continues to run. For the
 * build only.
 */
export async function warmUp({ tokenFile, caFile }: MadeUpPod): Promise<void> {
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const flags = [`--proxy-port=${port}`, `--admin-port=${adminPort}`, '--log-level=info'];
  const id = '00000000-0000-0000-0000-000000000000';
  const env = {
    AZURE_CLIENT_ID: id,
    AZURE_TENANT_ID: id,
    AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    NODE_EXTRA_CA_CERTS: caFile,
  };
  const stopped = start(flags, env, {
    onFault() {},
    onSignal() {},
    loadExchange: () => ({
      perform: async () => ({ kind: 'issued', token: madeUpToken }),
      close: async () => {},
    }),
  });
  const answered = async (): Promise<void> => {
    await get(port, '/readyz');
    const query = `api-version=2018-02-01&resource=https%3A%2F%2Fwarm-up.invalid&client_id=${id}`;
    // The first has its token exchanged, the second finds it in the cache.
    await get(port, `/metadata/identity/oauth2/token?${query}`);
    await get(port, `/metadata/identity/oauth2/token?${query}`);
  };
  await Promise.race([answered(), stopped]);
}

const madeUpToken: IssuedToken = {
  accessToken: 'warm-up',
  expiresInSeconds: 86_400,
  extExpiresInSeconds: 86_400,
  elapsedMs: 0,
};

/** @throws Error if the answer is not 200: then the warm-up has missed its purpose. */
function get(port: number, path: string): Promise<void> {
  const headers = { metadata: 'true' };
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, headers }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        response.resume().on('end', resolve);
      })
      .on('error', reject);
  });
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
