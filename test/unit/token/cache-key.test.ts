import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { ExchangeRequest } from '../../../src/proxy/exchange.ts';
import { toIdentity } from '../../../src/proxy/protocol/identity.ts';
import { toKeyed } from '../../../src/proxy/token/token-source.ts';
import { clientId, createHarness, tenantId, toHex, toRequest } from './harness.ts';

const policy = {
  defaultIdentity: undefined,
  identities: [],
  allowedClientIds: undefined,
  allowedResources: undefined,
};

/** An ID and the spellings of it that might seem equal. */
const guid = fc.uuid();
const spelling = (id: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(id),
    fc.constant(id.toUpperCase()),
    fc.constant(id.replaceAll('-', '')),
    fc.constant(`{${id}}`),
    fc.constant(` ${id}`),
    fc.constant(`${id}\u0000`),
    fc
      .array(fc.boolean(), { minLength: id.length, maxLength: id.length })
      .map((upper) =>
        [...id].map((char, index) => (upper[index] ? char.toUpperCase() : char)).join(''),
      ),
  );
const resource = fc.oneof(
  fc.constantFrom(
    'https://vault.azure.net',
    'https://vault.azure.net/',
    'https://Vault.Azure.NET',
    'https://vault.azure.net/.default',
    '',
  ),
  fc.string(),
);
const request: fc.Arbitrary<ExchangeRequest> = fc
  .tuple(
    fc.constantFrom(tenantId, clientId).chain(spelling),
    fc.oneof(fc.constantFrom(tenantId, clientId), guid).chain(spelling),
    resource,
  )
  .map(([tenant, client, text]) => ({
    identity: { tenantId: tenant, clientId: client },
    resource: text,
  }));

const toKey = (one: ExchangeRequest): string => toKeyed(one).key;

const isKeyable = (candidate: ExchangeRequest): boolean => {
  try {
    toKeyed(candidate);
    return true;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ProxyError);
    return false;
  }
};

const isSameKey = (a: ExchangeRequest, b: ExchangeRequest): boolean =>
  a.identity.tenantId === b.identity.tenantId &&
  a.identity.clientId === b.identity.clientId &&
  a.resource === b.resource;

describe('cache key', () => {
  test('T25: two requests share a key exactly when tenant, client and resource are the same', () => {
    fc.assert(
      fc.property(request, request, (a, b) => {
        fc.pre(isKeyable(a) && isKeyable(b));
        expect(toKey(a) === toKey(b)).toBe(isSameKey(a, b));
      }),
      { numRuns: 2_000 },
    );
  });

  test('T25: no request that is refused has the key of one that is not', () => {
    const parts = fc
      .array(fc.constantFrom('a', 'b', '\n', 'c'), { maxLength: 5 })
      .map((chars) => chars.join(''));
    const wild = fc.tuple(parts, parts, parts).map(([tenant, client, text]) => ({
      identity: { tenantId: tenant, clientId: client },
      resource: text,
    }));
    fc.assert(
      fc.property(wild, wild, (a, b) => {
        const { identity, resource: text } = b;
        const wouldBe = `${identity.tenantId}\n${identity.clientId}\n${text}`;
        if (isKeyable(a) && !isKeyable(b)) expect(toKey(a)).not.toBe(wouldBe);
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    [{ identity: { tenantId: 'a\nb', clientId }, resource: 'r' }, 'ERR_IDENTITY_NOT_FOUND'],
    [{ identity: { tenantId, clientId: 'a\nb' }, resource: 'r' }, 'ERR_IDENTITY_NOT_FOUND'],
    [{ identity: { tenantId, clientId }, resource: 'r\ns' }, 'ERR_RESOURCE_INVALID'],
  ])('T25: a line break in a part is refused, %#', (bad, code) => {
    expect(() => toKeyed(bad)).toThrow(expect.objectContaining({ code }));
  });

  test('T25: whoever asks, the token was exchanged for the identity and resource asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
        const { clock, source, calls, open } = createHarness();
        const asked = requests.filter(isKeyable);
        const tokens = asked.map((one) => source.get(toKeyed(one)));
        await clock.advance(0);
        for (const call of open()) await call.issue({ accessToken: toHex(toKey(call.request)) });
        for (const [index, one] of asked.entries()) {
          const token = await tokens[index];
          expect(token?.accessToken).toBe(toHex(toKey(one)));
          expect(source.peek(toKey(one))?.accessToken).toBe(toHex(toKey(one)));
        }
        expect(calls).toHaveLength(new Set(asked.map(toKey)).size);
      }),
      { numRuns: 60 },
    );
  });

  test('vectors 7-9: a slash or a capital in the resource makes another key, a capital in an ID does not', () => {
    const key = toKey(toRequest('https://storage.azure.com'));
    expect(toKey(toRequest('https://storage.azure.com/'))).not.toBe(key);
    expect(toKey(toRequest('https://Storage.azure.com'))).not.toBe(key);
    const selectors = [{ name: 'client_id', value: clientId.toUpperCase() }] as const;
    const identity = toIdentity(selectors, { ...policy, defaultTenantId: tenantId });
    expect(toKey({ identity, resource: 'https://storage.azure.com' })).toBe(key);
  });
});
