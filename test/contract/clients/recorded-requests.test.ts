/**
 * Asks the built proxy what real clients have asked it in the laboratory, byte for byte. The emulator gives
 * identities of the same names the same IDs, so that the recorded ones are known here as well.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { createTokenCheck } from '../../../src/emulator/azure-services/bearer.ts';
import { systemClock } from '../../../src/emulator/clock.ts';
import type { Identity } from '../../../src/emulator/entra-tenant/identity.ts';
import { startEmulator } from '../../support/emulator.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { connect } from '../../support/raw-http.ts';
import {
  explanation,
  type Recorded,
  recordedIdentities,
  recordings,
} from '../../support/recorded-clients.ts';
import { assertAnswer } from '../imds/replay.ts';

let emulator: Emulator;
let proxy: ProxyProcess;
beforeAll(async () => {
  emulator = await startEmulator(recordedIdentities);
  const identities = emulator.identities
    .list()
    .map(({ clientId, objectId, resourceId }) => ({ clientId, objectId, resourceId }));
  proxy = await startProxy(emulator, {
    env: { IMDS_PROXY_IDENTITIES: JSON.stringify(identities) },
  });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await emulator.stop();
});

function read(name: string): readonly Recorded[] {
  return JSON.parse(readFileSync(join(recordings, `${name}.json`), 'utf8')) as readonly Recorded[];
}

const names = readdirSync(recordings).map((name) => name.replace(/\.json$/, ''));

test('there are recordings', () => {
  expect(names.length).toBeGreaterThan(30);
});

describe.each(names)('%s', (id) => {
  test.each(read(id).map((recorded) => [recorded.request[0] ?? '', recorded] as const))(
    '%s',
    async (_, { request, statuses }) => {
      const connection = await connect(proxy);
      try {
        connection.write(Buffer.from(`${request.join('\r\n')}\r\n\r\n`, 'latin1'));
        const answer = await connection.read({ head: false });
        if (!isAboutTokens(request)) {
          // What the laboratory's node answers, by way of a proxy that passes it on; this one does not.
          assertAnswer(answer, { outcome: 'error', status: 404 });
        } else if (statuses.includes(200)) {
          const { resource, clientId } = toWish(request);
          assertAnswer(answer, { outcome: 'ok', resource, clientId });
          const { access_token } = JSON.parse(answer.body) as { readonly access_token: string };
          const check = createTokenCheck({ clock: systemClock, tenant: emulator });
          expect(await check(access_token, [resource])).toEqual({ kind: 'identity', clientId });
        } else if (isForImdsV2(request)) {
          assertAnswer(answer, { outcome: 'error', status: 405, allow: '' });
        } else {
          // Recorded while Entra was in order: 503 and 429 come with a 200 of the same request.
          expect(statuses).toEqual([400]);
          assertAnswer(answer, { outcome: 'error', status: 400 });
          expect(answer.body).toMatch(toReason(request));
        }
      } finally {
        connection.destroy();
      }
    },
  );
});

/** Some libraries also read what the machine is. */
function isAboutTokens([line = '']: readonly string[]): boolean {
  return !/^GET \/metadata\/instance[/?]/.test(line);
}

/** MSAL.NET looks for it first. */
function isForImdsV2([line = '']: readonly string[]): boolean {
  return line.startsWith('GET /metadata/identity/getplatformmetadata?');
}

/** Why a recorded request is refused. */
function toReason([line = '', ...headers]: readonly string[]): RegExp {
  if (!headers.some((header) => /^metadata: true$/i.test(header))) {
    return /Required metadata header not specified/;
  }
  // Entra alone knows which client IDs there are.
  return line.includes('client_id=') ? explanation : /Identity not found|use 'msi_res_id'/;
}

/** What a recorded request asks for, read from its query. */
function toWish([line = '']: readonly string[]): {
  readonly resource: string;
  readonly clientId: string;
} {
  const { searchParams } = new URL(line.split(' ')[1] ?? '', 'http://169.254.169.254');
  const named = (...names: readonly string[]): string | undefined =>
    names
      .map((name) => searchParams.get(name))
      .find((value) => value !== null)
      ?.toLowerCase();
  const [first, ...others] = emulator.identities.list();
  const isNamed = ({ clientId, objectId, resourceId }: Identity): boolean =>
    clientId === named('client_id') ||
    objectId === named('object_id') ||
    resourceId?.toLowerCase() === named('msi_res_id', 'mi_res_id');
  const identity = [first, ...others].find((one) => one !== undefined && isNamed(one)) ?? first;
  return { resource: searchParams.get('resource') ?? '', clientId: identity?.clientId ?? '' };
}
