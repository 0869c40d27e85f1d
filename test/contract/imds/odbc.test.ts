/**
 * docs/azure-sql-odbc.md: ODBC Driver 18 for SQL Server sends its UID as `object_id`. The entry that the error
 * names must make exactly this request work.
 */
import { describe, expect, test } from 'vitest';
import { identitiesValue, toIdentityPolicy } from '../../../src/proxy/config/identities.ts';
import { send } from '../../support/raw-http.ts';
import { startScriptedServer } from '../../support/scripted-source-server.ts';
import { documentOf } from '../docs/documents.ts';

const tenantId = '22222222-2222-2222-2222-222222222222';
const clientId = '11111111-1111-1111-1111-111111111111';
const objectId = '99999999-9999-9999-9999-999999999999';

/** The answer to the driver's request with this UID, and the remedy in the log. */
async function ask(uid: string, identities: string): Promise<{ status: number; remedy: unknown }> {
  const parsed = identitiesValue.parse(identities);
  if (!parsed.ok) throw new Error(`IMDS_PROXY_IDENTITIES ${parsed.fault}`);
  const policy = toIdentityPolicy({ clientId, tenantId, identities: parsed.value });
  await using server = await startScriptedServer({ policy });
  const target = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fdatabase.windows.net%2F&object_id=${uid}`;
  const headers = ['Host: 169.254.169.254', 'Metadata: true'];
  const { status } = await send(server.endpoint, { target, headers });
  const remedy = server.logger.lines.map(({ fields }) => fields['remedy']).find(Boolean);
  return { status, remedy };
}

describe('a UID that is', () => {
  test('the client ID of the pod: refused with the whole entry, which makes it work', async () => {
    const refused = await ask(clientId, '[]');
    expect(refused).toEqual({
      status: 400,
      remedy: `[{'clientId':'${clientId}','objectId':'${clientId}'}]`,
    });
    expect(await ask(clientId, String(refused.remedy))).toMatchObject({ status: 200 });
  });

  test('an object ID: refused with an entry to complete, which makes it work', async () => {
    const refused = await ask(objectId, '[]');
    expect(refused).toEqual({
      status: 400,
      remedy: `[{'clientId':'<CLIENT_ID>','objectId':'${objectId}'}]`,
    });
    const entry = String(refused.remedy).replace('<CLIENT_ID>', clientId);
    expect(await ask(objectId, entry)).toMatchObject({ status: 200 });
  });
});

test('the setting takes the entries of the document', () => {
  const entries = documentOf('docs/azure-sql-odbc.md').prose.matchAll(/`(\[\{"clientId".*?\}\])`/g);
  const parsed = [...entries].map(([, entry = '']) =>
    identitiesValue.parse(
      entry.replaceAll('CLIENT_ID', clientId).replaceAll('OBJECT_ID', objectId),
    ),
  );
  expect(parsed).toHaveLength(2);
  for (const one of parsed) expect(one.ok).toBe(true);
});
