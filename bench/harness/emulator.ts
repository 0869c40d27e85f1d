import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { EmulatorDescription } from '../../src/emulator/api.ts';
import type { JournalEntry } from '../../src/emulator/journal.ts';
import { launch } from './launch.ts';
import { dist } from './proxy.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The local Entra tenant that the proxies of the benchmark exchange with, in another process. */
export interface Emulator extends AsyncDisposable {
  /** The settings that a proxy needs. */
  readonly env: Readonly<Record<string, string>>;
  /** The client ID of its identity. */
  readonly clientId: string;
  /** How often it has been asked for a token since it started. */
  exchanges(): Promise<number>;
  /** Milliseconds that it spent on each of the last `count` token requests. */
  ownMs(count: number): Promise<readonly number[]>;
  /**
   * Exchanges an assertion with it as the proxy does, over a new TLS connection.
   * @returns how many milliseconds that took.
   */
  askDirectly(): Promise<number>;
}

export async function startEmulator(): Promise<Emulator> {
  const directory = await temporaryDirectory(tmpdir());
  const launched = await launch({
    command: [join(dist, 'emulator'), `--state-dir=${directory.path}`],
  });
  launched.start();
  const description = JSON.parse(await launched.firstLine(20_000)) as EmulatorDescription;
  const { env, adminUrl, tenantId, authorityHost, caFile, tokenFile } = description;
  const clientId = description.identities[0]?.clientId as string;
  const ca = readFileSync(caFile);

  const tokenRequests = async (): Promise<readonly JournalEntry[]> => {
    const [response] = (await once(get(`${adminUrl}/journal`), 'response')) as [IncomingMessage];
    const entries = JSON.parse(await text(response)) as readonly JournalEntry[];
    return entries.filter(({ server, method }) => server === 'tenant' && method === 'POST');
  };

  return {
    env,
    clientId,
    exchanges: async () => (await tokenRequests()).length,
    ownMs: async (count) =>
      (await tokenRequests()).slice(-count).map(({ outcome }) => outcome?.durationMs ?? Number.NaN),
    async askDirectly() {
      const form = new URLSearchParams({
        client_id: clientId,
        scope: 'https://vault.azure.net/.default',
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: readFileSync(tokenFile, 'utf8').trim(),
      });
      const from = performance.now();
      const sent = request(`${authorityHost}/${tenantId}/oauth2/v2.0/token`, {
        ...{ method: 'POST', ca, agent: false, timeout: 10_000 },
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      });
      sent.end(form.toString());
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      const body = await text(response);
      const took = performance.now() - from;
      if (response.statusCode !== 200) throw new Error(`the emulator answered ${body}`);
      return took;
    },
    async [Symbol.asyncDispose]() {
      await launched[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
