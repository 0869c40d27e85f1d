import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createPrograms, type Programs } from '../../../demo/programs.ts';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { recordedIdentities } from '../../support/recorded-clients.ts';
import { startNodeMetadata } from './node-metadata.ts';
import type { Tap } from './tap.ts';

const proxyPort = 8000;
/** Where the proxy listens when the tap has its port. */
const portBehindTap = 8001;
const adminPort = 9808;

/** A pod as its containers see it: the redirect, the proxy as its own user, and Entra behind it. */
export interface Pod extends AsyncDisposable {
  /** The Entra that the proxy talks to now. */
  readonly emulator: Emulator;
  /** Puts a proxy without any memory in the place of the one that runs. */
  restart(options?: { readonly hasShortTokens?: boolean }): Promise<void>;
}

/** Builds the pod in the network namespace of this process, which must be a new one. */
export async function createPod(tap?: Tap): Promise<Pod> {
  const [long, short] = await Promise.all([startTenant(), startTenant(120)]);
  const node = await startNodeMetadata();
  const init = createPrograms(tmpdir());
  await init.runInit({ PROXY_PORT: `${proxyPort}` });
  await tap?.listen({ port: proxyPort, to: portBehindTap });

  let emulator = long;
  let stopProxy = await startProxy(emulator, tap === undefined ? proxyPort : portBehindTap);
  return {
    get emulator() {
      return emulator;
    },
    async restart({ hasShortTokens = false } = {}) {
      await stopProxy();
      emulator = hasShortTokens ? short : long;
      stopProxy = await startProxy(emulator, tap === undefined ? proxyPort : portBehindTap);
    },
    async [Symbol.asyncDispose]() {
      await stopProxy();
      await tap?.close();
      node.closeAllConnections();
      node.close();
      await Promise.all([long.stop(), short.stop()]);
    },
  };
}

function startTenant(tokenLifetimeSeconds?: number): Promise<Emulator> {
  return startEmulator({ ...recordedIdentities, tokenLifetimeSeconds });
}

async function startProxy(emulator: Emulator, port: number): Promise<() => Promise<void>> {
  // Of its own for every proxy: the program is copied to where user 1501 can read it.
  const directory = makeSharedFolder('clients-proxy-');
  const programs: Programs = createPrograms(directory);
  const identities = emulator.identities
    .list()
    .map(({ clientId, objectId, resourceId }) => ({ clientId, objectId, resourceId }));
  await programs.startProxy(
    { ...emulator.describe().env, IMDS_PROXY_IDENTITIES: JSON.stringify(identities) },
    port,
    adminPort,
  );
  return async () => {
    await programs.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
