import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { IdentityPolicy, KnownIdentity } from '../../../src/proxy/protocol/identity.ts';
import { toAllowedResource, toIdentity } from '../../../src/proxy/protocol/identity.ts';
import { toErrorResponse } from '../../../src/proxy/protocol/imds.ts';
import type { Selector, SelectorName } from '../../../src/proxy/protocol/token-query.ts';

const a: KnownIdentity = {
  clientId: 'aaaaaaaa-0000-4000-8000-000000000001',
  tenantId: 'tenant-1',
  objectId: 'oooooooo-a',
  resourceId: '/subscriptions/1/a',
};
const b: KnownIdentity = {
  clientId: 'bbbbbbbb-0000-4000-8000-000000000002',
  tenantId: 'tenant-1',
  objectId: 'oooooooo-b',
  resourceId: '/subscriptions/1/b',
};
/** The application of A in a second tenant, where its principal is another one. */
const aElsewhere: KnownIdentity = { ...a, tenantId: 'tenant-2', objectId: 'oooooooo-a2' };
const unknownGuid = 'cccccccc-0000-4000-8000-000000000003';

function policy(overrides: Partial<IdentityPolicy> = {}): IdentityPolicy {
  return {
    defaultIdentity: a,
    identities: [a, b],
    defaultTenantId: 'tenant-default',
    allowedClientIds: undefined,
    allowedResources: undefined,
    ...overrides,
  };
}

function select(values: Partial<Record<SelectorName, string>>): Selector[] {
  return Object.entries(values).map(([name, value]) => ({ name: name as SelectorName, value }));
}

function resolve(
  values: Partial<Record<SelectorName, string>>,
  overrides: Partial<IdentityPolicy> = {},
): string {
  try {
    const { clientId, tenantId } = toIdentity(select(values), policy(overrides));
    return `${tenantId}/${clientId}`;
  } catch (error) {
    if (error instanceof ProxyError) return error.code;
    throw error;
  }
}

const isA = `tenant-1/${a.clientId}`;
const isB = `tenant-1/${b.clientId}`;
const none = { defaultIdentity: undefined } as const;

test.each([
  ['no selector: the default', {}, {}, isA],
  ['no selector and no default: the only one', {}, { ...none, identities: [b] }, isB],
  ['no selector, several', {}, none, 'ERR_IDENTITY_AMBIGUOUS'],
  ['no selector, none', {}, { ...none, identities: [] }, 'ERR_IDENTITY_NOT_FOUND'],
  ['client_id in upper case', { client_id: b.clientId.toUpperCase() }, {}, isB],
  ['object_id in upper case', { object_id: 'OOOOOOOO-B' }, {}, isB],
  ['msi_res_id in upper case', { msi_res_id: '/SUBSCRIPTIONS/1/B' }, {}, isB],
  ['mi_res_id', { mi_res_id: '/subscriptions/1/b' }, {}, isB],
  ['unknown object_id', { object_id: unknownGuid }, {}, 'ERR_IDENTITY_NOT_FOUND'],
  ['unknown resource ID', { mi_res_id: '/x' }, {}, 'ERR_IDENTITY_NOT_FOUND'],
  ['an object ID as client_id', { client_id: 'oooooooo-b' }, {}, 'ERR_IDENTITY_NOT_FOUND'],
  [
    'unknown client_id goes to Entra',
    { client_id: unknownGuid },
    {},
    `tenant-default/${unknownGuid}`,
  ],
  ['client_id that is not a GUID', { client_id: 'x' }, {}, 'ERR_IDENTITY_NOT_FOUND'],
  ['client_id with a line feed', { client_id: `${unknownGuid}\n` }, {}, 'ERR_IDENTITY_NOT_FOUND'],
  ['the same twice', { client_id: b.clientId, object_id: 'oooooooo-b' }, {}, isB],
  ['two', { client_id: a.clientId, object_id: 'oooooooo-b' }, {}, 'ERR_IDENTITY_CONFLICT'],
  [
    'unknown client_id and known object_id',
    { client_id: unknownGuid, object_id: 'oooooooo-b' },
    {},
    'ERR_IDENTITY_CONFLICT',
  ],
  [
    'known client_id and unknown object_id',
    { client_id: b.clientId, object_id: unknownGuid },
    {},
    'ERR_IDENTITY_NOT_FOUND',
  ],
  [
    'two resource IDs of two identities',
    { msi_res_id: '/subscriptions/1/a', mi_res_id: '/subscriptions/1/b' },
    {},
    'ERR_IDENTITY_CONFLICT',
  ],
  [
    'a client ID in two tenants',
    { client_id: a.clientId },
    { identities: [a, aElsewhere] },
    'ERR_IDENTITY_AMBIGUOUS',
  ],
  [
    'a client ID in two tenants, told apart by its principal',
    { client_id: a.clientId, object_id: 'oooooooo-a2' },
    { identities: [a, aElsewhere] },
    `tenant-2/${a.clientId}`,
  ],
  [
    'allow-list without it',
    { client_id: unknownGuid },
    { allowedClientIds: new Set([a.clientId]) },
    'ERR_IDENTITY_NOT_ALLOWED',
  ],
  [
    'allow-list with it',
    { client_id: unknownGuid },
    { allowedClientIds: new Set([unknownGuid]) },
    `tenant-default/${unknownGuid}`,
  ],
  [
    'allow-list against a mapped identity',
    { object_id: 'oooooooo-b' },
    { allowedClientIds: new Set([a.clientId]) },
    'ERR_IDENTITY_NOT_ALLOWED',
  ],
  [
    'allow-list against the default',
    {},
    { allowedClientIds: new Set<string>() },
    'ERR_IDENTITY_NOT_ALLOWED',
  ],
])('%s', (_name, selectors, overrides, expected) => {
  expect(resolve(selectors, overrides)).toBe(expected);
});

test('T25: whatever selectors are combined, the answer is an identity that all of them mean', () => {
  const identities = [a, b, aElsewhere];
  const value = fc.constantFrom(
    ...identities.flatMap((one) => [one.clientId, one.objectId ?? '', one.resourceId ?? '']),
    unknownGuid,
  );
  const name = fc.constantFrom<SelectorName>('client_id', 'object_id', 'msi_res_id', 'mi_res_id');
  const selectors = fc.array(
    fc.record({
      name,
      value: fc.tuple(value, fc.boolean()).map(([v, upper]) => (upper ? v.toUpperCase() : v)),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(selectors, (chosen) => {
      let identity: { clientId: string; tenantId: string };
      try {
        identity = toIdentity(chosen, policy({ identities }));
      } catch {
        return;
      }
      const meant: Record<SelectorName, (one: KnownIdentity) => string | undefined> = {
        client_id: (one) => one.clientId,
        object_id: (one) => one.objectId,
        msi_res_id: (one) => one.resourceId,
        mi_res_id: (one) => one.resourceId,
      };
      const own = identities.filter(
        (one) => one.clientId === identity.clientId && one.tenantId === identity.tenantId,
      );
      for (const { name: selector, value: text } of chosen) {
        const names = own.length > 0 ? own.map(meant[selector]) : [identity.clientId];
        expect(names).toContain(text.toLowerCase());
      }
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['https://vault.azure.net', true],
  ['https://vault.azure.net/', true],
  ['HTTPS://VAULT.azure.net', true],
  ['https://vault.azure.net//', false],
  ['https://vault.azure.net/.default', false],
  ['https://vault.azure.net.evil', false],
  ['https://storage.azure.com', false],
])('allow-list of resources: %s is %s', (resource, allowed) => {
  const allowedResources = ['https://vault.azure.net/'];
  const check = (): string => toAllowedResource(resource, policy({ allowedResources }));
  if (allowed) expect(check).not.toThrow();
  else expect(check).toThrow(ProxyError);
  expect(toAllowedResource(resource, policy())).toBe(resource);
});

test.each([
  ['HTTPS://VAULT.AZURE.NET', 'https://vault.azure.net'],
  ['https://Vault.azure.net/', 'https://vault.azure.net/'],
  ['https://vault.azure.net', 'https://vault.azure.net'],
  ['https://Database.windows.net', 'https://database.windows.net'],
  ['https://database.windows.net/', 'https://database.windows.net/'],
  ['API://Mine', 'API://Mine'],
  ['api://mine', 'api://mine'],
])('with an allow-list, %s is asked for as %s', (resource, asked) => {
  const allowedResources = [
    'https://vault.azure.net',
    'https://database.windows.net/',
    'api://mine',
    'API://Mine',
  ];
  expect(toAllowedResource(resource, policy({ allowedResources }))).toBe(asked);
});

test('with an allow-list, all spellings of a resource are two keys at most', () => {
  const allowedResources = ['https://vault.azure.net'];
  const spellings = Array.from({ length: 512 }, (_, bits) =>
    [...'https://vault.azure.net']
      .map((char, index) => ((bits >> (index % 9)) & 1 ? char.toUpperCase() : char))
      .join(''),
  ).flatMap((spelling) => [spelling, `${spelling}/`]);
  const asked = spellings.map((resource) =>
    toAllowedResource(resource, policy({ allowedResources })),
  );
  expect(new Set(asked)).toEqual(new Set(['https://vault.azure.net', 'https://vault.azure.net/']));
});

test('a pod without any identity is told which annotation and variable it lacks', () => {
  const thrown = (): unknown => toIdentity([], policy({ ...none, identities: [] }));
  expect(thrown).toThrow(
    expect.objectContaining({
      code: 'ERR_IDENTITY_NOT_FOUND',
      details: {
        hint: expect.stringMatching(/azure\.workload\.identity\/client-id.*AZURE_CLIENT_ID/),
      },
    }),
  );
});

/** What the error of these selectors says of what to change. */
function adviceFor(values: Partial<Record<SelectorName, string>>, overrides = {}) {
  try {
    toIdentity(select(values), policy(overrides));
  } catch (thrown) {
    if (thrown instanceof ProxyError) return thrown.details;
  }
  throw new Error('no error');
}

test.each<[string, Partial<Record<SelectorName, string>>, string]>([
  [
    'an object ID',
    { object_id: unknownGuid.toUpperCase() },
    `[{'clientId':'<CLIENT_ID>','objectId':'${unknownGuid}'}]`,
  ],
  [
    'a resource ID',
    { msi_res_id: '/subscriptions/1/resourceGroups/rg/providers/M/u/i' },
    "[{'clientId':'<CLIENT_ID>','resourceId':'/subscriptions/1/resourcegroups/rg/providers/m/u/i'}]",
  ],
  [
    'a client ID as object ID, as ODBC drivers send it',
    { object_id: a.clientId },
    `[{'clientId':'${a.clientId}','objectId':'${a.clientId}'}]`,
  ],
])('%s that is in no map: the error has the entry to add', (_name, values, entry) => {
  const { hint, remedy } = adviceFor(values);
  expect(remedy).toBe(entry);
  expect(hint).toContain(`IMDS_PROXY_IDENTITIES: ${entry}`);
  expect(hint).not.toMatch(/["\\]/);
});

test('the entry of a client ID that may not be used does not say that it is configured', () => {
  const allowedClientIds = new Set([b.clientId]);
  const { hint } = adviceFor({ object_id: a.clientId }, { allowedClientIds });
  expect(hint).not.toContain('configured identity');
});

test('to the client, a refused identity looks like one that nobody knows', () => {
  const toNames = (digit: string) => ({
    clientId: `${digit.repeat(8)}-0000-4000-8000-000000000001`,
    objectId: `${digit.repeat(8)}-0000-4000-8000-000000000002`,
    resourceId: `/subscriptions/${digit}/resourcegroups/rg/providers/m/u/i`,
  });
  const [allowed, refused, unknown] = [toNames('a'), toNames('b'), toNames('c')];
  const restricted = policy({
    identities: [allowed, refused].map((one) => ({ ...one, tenantId: 'tenant-1' })),
    allowedClientIds: new Set([allowed.clientId]),
  });
  const answerTo = (values: Partial<Record<SelectorName, string>>): string => {
    try {
      toIdentity(select(values), restricted);
    } catch (thrown) {
      if (!(thrown instanceof ProxyError)) throw thrown;
      const { status, body } = toErrorResponse(thrown);
      // The client's own words may be in the answer.
      const echoes = Object.values(values);
      return echoes.reduce((text, echo) => text.replaceAll(echo, 'ECHO'), `${status} ${body}`);
    }
    throw new Error('not refused');
  };
  const requestsFor = (one: typeof refused): readonly Partial<Record<SelectorName, string>>[] => [
    { client_id: one.clientId },
    { object_id: one.objectId },
    { object_id: one.clientId },
    { msi_res_id: one.resourceId },
    { mi_res_id: one.resourceId },
    { client_id: one.clientId, object_id: one.objectId },
    { client_id: allowed.clientId, object_id: one.objectId },
    { object_id: allowed.objectId, client_id: one.clientId },
    { mi_res_id: one.resourceId, object_id: allowed.objectId },
  ];
  expect(requestsFor(refused).map(answerTo)).toEqual(requestsFor(unknown).map(answerTo));
});

test.each([{ object_id: 'x' }, { mi_res_id: "/subscriptions/'; rm -rf /'" }])(
  'no entry for %j, which is not an ID',
  (values) => {
    expect(adviceFor(values)).toMatchObject({ hint: expect.stringMatching(/must be the/) });
    expect(adviceFor(values).remedy).toBeUndefined();
  },
);
