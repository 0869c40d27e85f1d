import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toEntraSettings } from '../../../src/proxy/config/exchange-settings.ts';
import { toIdentityPolicy } from '../../../src/proxy/config/identities.ts';
import { makeAssertion } from '../entra/support.ts';
import { accepted, clientId, otherClientId, refused, requiredEnv, tenantId } from './load.ts';
import { pipeIn } from './pipe.ts';

const objectId = '0b0b0b0b-1111-2222-3333-444444444444';
const resourceId =
  '/subscriptions/s/resourceGroups/G/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Name';

function map(...entries: readonly unknown[]): { IMDS_PROXY_IDENTITIES: string } {
  return { IMDS_PROXY_IDENTITIES: JSON.stringify(entries) };
}

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'identities-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'identities.json');
  writeFileSync(path, content);
  return path;
}

describe('identity map', () => {
  test('accepts optional fields in any case, and their absence', () => {
    const full = {
      clientId: otherClientId.toUpperCase(),
      tenantId: 'Contoso.com',
      objectId,
      resourceId,
    };
    expect(accepted(map({ clientId }, full)).config.identities).toEqual([
      { clientId, tenantId: undefined, objectId: undefined, resourceId: undefined },
      {
        clientId: otherClientId,
        tenantId: 'contoso.com',
        objectId,
        resourceId: resourceId.toLowerCase(),
      },
    ]);
  });

  test('takes single quotes, in which hints print an entry', () => {
    const single = `[{'clientId':'${clientId}','objectId':'${objectId}'}]`;
    const { config } = accepted({ IMDS_PROXY_IDENTITIES: single });
    expect(config.identities).toMatchObject([{ clientId, objectId }]);
  });

  test('may be empty, and the same tenant may come twice', () => {
    expect(accepted(map()).config.identities).toEqual([]);
    accepted(map({ clientId, tenantId }, { clientId: otherClientId, tenantId }));
  });

  test.each([
    ['[', 'the value is not JSON'],
    ['{}', 'the value is not a list'],
    ['"x"', 'the value is not a list'],
    ['null', 'the value is not a list'],
    ['["x"]', ', entry 1: the value is not an object'],
    ['[[]]', ', entry 1: the value is not an object'],
    ['[null]', ', entry 1: the value is not an object'],
    ['[{}]', ', entry 1: the object has no clientId; add it'],
    [`[{"objectId":"${objectId}"}]`, ', entry 1: the object has no clientId'],
    [
      `[{"clientId":"${clientId}"},{"clientID":"${clientId}"}]`,
      ', entry 2: "clientID" is not a known key; use clientId, tenantId, objectId, resourceId',
    ],
    ['[{"clientId":"x"}]', ', entry 1, clientId: "x" is not a GUID'],
    ['[{"clientId":7}]', ', entry 1, clientId: 7 is not a string'],
    ['[{"clientId":null}]', ', entry 1, clientId: null is not a string'],
    [`[{"clientId":"${clientId}","tenantId":"common"}]`, ', entry 1, tenantId: "common" means any'],
    [`[{"clientId":"${clientId}","objectId":"{}"}]`, ', entry 1, objectId: "{}" is not a GUID'],
    [
      `[{"clientId":"${clientId}","resourceId":"/subscriptions/s"}]`,
      ', entry 1, resourceId: "/subscriptions/s" is not the resource ID of an identity',
    ],
    [`[{"clientId":"${clientId}","__proto__":{}}]`, ', entry 1: "__proto__" is not a known key'],
    [`[{"clientId":"${clientId}","toString":"x"}]`, ', entry 1: "toString" is not a known key'],
  ])('%s is refused', (json, expected) => {
    const errors = refused({ IMDS_PROXY_IDENTITIES: json });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(expected);
    expect(errors[0]).toMatch(/^IMDS_PROXY_IDENTITIES[,:].*; \S/);
  });

  test.each([
    [{ clientId }, { clientId: clientId.toUpperCase() }, 'clientId'],
    [{ clientId, objectId }, { clientId: otherClientId, objectId }, 'objectId'],
    [
      { clientId, resourceId },
      { clientId: otherClientId, resourceId: resourceId.toUpperCase() },
      'resourceId',
    ],
  ])('one name for two identities is refused (%j, %j)', (first, second, key) => {
    const between = { clientId: '12121212-1212-1212-1212-121212121212' };
    const [error] = refused(map(first, between, second));
    expect(error).toMatch(
      new RegExp(
        `^IMDS_PROXY_IDENTITIES, entry 3, ${key}: .* is also in entry 1; remove one of them`,
      ),
    );
  });

  test('can be read from a file', () => {
    const path = fileWith(JSON.stringify([{ clientId: otherClientId }]));
    const { config } = accepted({}, [`--identities=@${path}`]);
    expect(config.identities).toMatchObject([{ clientId: otherClientId }]);
  });

  test('names the file at fault', () => {
    const path = fileWith('[{"clientId":"x"}]');
    expect(refused({ IMDS_PROXY_IDENTITIES: `@${path}` })[0]).toContain(
      `IMDS_PROXY_IDENTITIES in ${path}, entry 1, clientId: "x" is not a GUID`,
    );
    expect(refused({ IMDS_PROXY_IDENTITIES: '@/nowhere/map' })[0]).toMatch(
      /^IMDS_PROXY_IDENTITIES: "@\/nowhere\/map" cannot be read \(ENOENT\); mount the file/,
    );
    const pipe = pipeIn(dirname(path));
    expect(refused({ IMDS_PROXY_IDENTITIES: `@${pipe}` })).toEqual([
      `IMDS_PROXY_IDENTITIES: "@${pipe}" is not a regular file; set the path of the file with the list`,
    ]);
    expect(refused({ IMDS_PROXY_IDENTITIES: '@map' })[0]).toMatch(
      /is not @ and an absolute path; write @/,
    );
  });
});

describe('identity policy', () => {
  test('without a map: the default identity, which is all that is known', () => {
    expect(toIdentityPolicy(accepted().config)).toEqual({
      defaultIdentity: { clientId, tenantId },
      identities: [{ clientId, tenantId }],
      defaultTenantId: tenantId,
      allowedClientIds: undefined,
      allowedResources: undefined,
    });
  });

  test('without AZURE_CLIENT_ID there is no default', () => {
    const env = { AZURE_CLIENT_ID: '', ...map({ clientId: otherClientId }) };
    const policy = toIdentityPolicy(accepted(env).config);
    expect(policy.defaultIdentity).toBeUndefined();
    expect(policy.identities).toMatchObject([{ clientId: otherClientId, tenantId }]);
  });

  test('the default identity takes its other names and its tenant from the map, and is in it once', () => {
    const entry = { clientId, tenantId: 'contoso.com', objectId };
    const policy = toIdentityPolicy(accepted(map({ clientId: otherClientId }, entry)).config);
    expect(policy.defaultIdentity).toMatchObject(entry);
    expect(policy.identities).toHaveLength(2);
    expect(policy.identities).toContain(policy.defaultIdentity);
  });

  test('allow-lists: client IDs in lower case, resources as they are spelled', () => {
    const policy = toIdentityPolicy(
      accepted({
        IMDS_PROXY_ALLOWED_CLIENT_IDS: clientId.toUpperCase(),
        IMDS_PROXY_ALLOWED_RESOURCES: 'https://Vault.azure.net/,https://management.azure.com',
      }).config,
    );
    expect([...(policy.allowedClientIds ?? [])]).toEqual([clientId]);
    expect([...(policy.allowedResources ?? [])]).toEqual([
      'https://Vault.azure.net/',
      'https://management.azure.com',
    ]);
  });
});

test('settings of the exchange', () => {
  expect(toEntraSettings(accepted().config)).toEqual({
    authorityHost: 'https://login.microsoftonline.com',
    federatedTokenFile: requiredEnv.AZURE_FEDERATED_TOKEN_FILE,
    mode: 'federation',
    tokenProxy: undefined,
    httpProxy: undefined,
    exceptions: [],
  });
});

describe('identities with their own mode and token file', () => {
  const map = (entry: object) => ({
    IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId }, { clientId: otherClientId, ...entry }]),
  });
  const binding = { AZURE_KUBERNETES_TOKEN_PROXY: 'https://10.0.0.1/' };

  test('are the exceptions of the exchange', () => {
    const { config } = accepted({
      ...binding,
      ...map({ mode: 'federation', tokenFile: '/var/run/Other/token' }),
    });
    expect(toEntraSettings(config)).toMatchObject({
      mode: 'binding',
      tokenProxy: { url: 'https://10.0.0.1/' },
      exceptions: [
        { clientId: otherClientId, mode: 'federation', tokenFile: '/var/run/Other/token' },
      ],
    });
  });

  test('are told that federation needs its own token file where the others are bound', () => {
    const file = fileWith(makeAssertion({ aud: ['api://AKSIdentityBinding'] }));
    const { warnings } = accepted({
      ...binding,
      ...map({ mode: 'federation' }),
      AZURE_FEDERATED_TOKEN_FILE: file,
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^IMDS_PROXY_IDENTITIES, 99999999-.* needs a tokenFile .* for api:\/\/AzureADTokenExchange/,
      ),
    ]);
    expect(warnings[0]).not.toContain('AZURE_KUBERNETES_TOKEN_PROXY');
  });

  test('keep the token proxy in use when identity binding is off for the others', () => {
    const { config } = accepted({
      ...binding,
      ...map({ mode: 'binding' }),
      IMDS_PROXY_IDENTITY_BINDING: 'off',
    });
    expect(toEntraSettings(config)).toMatchObject({
      mode: 'federation',
      tokenProxy: { url: 'https://10.0.0.1/' },
    });
  });

  test.each([
    [
      { mode: 'direct' },
      /, entry 2, mode: "direct" is not a valid choice; set one of federation, b/,
    ],
    [
      { tokenFile: 'token' },
      /, entry 2, tokenFile: "token" is not an absolute path; write the whole/,
    ],
    [
      { mode: 'binding' },
      /: 99999999-.* has the mode binding, but AZURE_KUBERNETES_TOKEN_PROXY is n/,
    ],
  ])('are refused when they cannot be: %j', (entry, expected) => {
    const errors = refused(map(entry));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^IMDS_PROXY_IDENTITIES/);
    expect(errors[0]).toMatch(expected);
  });
});
