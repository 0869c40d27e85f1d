import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { replay } from '../../contract/imds/replay.ts';
import {
  type ConfigurationName,
  configurations,
  tenantId,
  vault,
  vectors,
} from '../../contract/imds/vectors.ts';
import { startEmulator } from '../../support/emulator.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

/** Every resource that a vector gets a token for; some are no URI that Entra would have. */
const resources = vectors
  .flatMap(({ steps }) => steps)
  .flatMap(({ expect }) => (expect.outcome === 'ok' ? [expect.resource ?? vault] : []))
  .map((resource) => resource.replace(/\/\.default$/, ''));

const names: readonly ConfigurationName[] = ['standard', 'no_default', 'none'];

describe.each(names)('the built proxy and an emulated Entra, configuration %s', (name) => {
  const { identities, defaultClientId } = configurations[name];
  let emulator: Emulator;
  let proxy: ProxyProcess;

  beforeAll(async () => {
    emulator = await startEmulator({
      tenantId,
      resources,
      identities: identities.map((identity, index) => ({ name: `identity-${index}`, ...identity })),
    });
    proxy = await startProxy(emulator, {
      env: {
        AZURE_CLIENT_ID: defaultClientId ?? '',
        IMDS_PROXY_IDENTITIES: JSON.stringify(identities),
        // An allow-list that allows nothing would stop the start.
        ...(identities.length > 0 && {
          IMDS_PROXY_ALLOWED_CLIENT_IDS: identities.map(({ clientId }) => clientId).join(','),
        }),
      },
    });
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await emulator.stop();
  });

  const own = vectors.filter(({ configuration = 'standard' }) => configuration === name);
  test.each(own)('vector $number: $title', async ({ steps }) => {
    for (const step of steps) await replay(proxy, step);
  });
});
