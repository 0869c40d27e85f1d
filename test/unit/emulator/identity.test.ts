import { describe, expect, it } from 'vitest';
import { toIdentity } from '../../../src/emulator/entra-tenant/identity.ts';
import { createIdentityRegistry } from '../../../src/emulator/entra-tenant/identity-registry.ts';
import { parseIdentity } from '../../../src/emulator/entra-tenant/parse-identity.ts';
import { isGuid } from '../../../src/shared/guid.ts';

const tenantId = '11111111-1111-4111-8111-111111111111';
const otherTenantId = '22222222-2222-4222-8222-222222222222';
const guid = 'ABCDEF00-1111-4111-8111-111111111111';
const credential = { issuer: 'https://i.test/', subject: 's', audience: 'a' };
const defaults = { tenantId, credential };

describe('an identity', () => {
  it('gets IDs that are the same every time and differ by name and tenant', () => {
    const one = toIdentity({ name: 'one' }, defaults);
    expect(toIdentity({ name: 'one' }, defaults)).toEqual(one);
    const others = [
      toIdentity({ name: 'two' }, defaults),
      toIdentity({ name: 'one', tenantId: otherTenantId }, defaults),
    ];
    const ids = [one, ...others].flatMap(({ clientId, objectId }) => [clientId, objectId]);
    expect(new Set(ids).size).toBe(6);
    expect(ids.every(isGuid)).toBe(true);
  });

  it('is a managed identity that trusts the usual token, unless told otherwise', () => {
    expect(toIdentity({ name: 'one' }, defaults)).toMatchObject({
      kind: 'managed-identity',
      tenantId,
      disabled: false,
      credentials: [credential],
      resourceId: expect.stringMatching(
        /^\/subscriptions\/[0-9a-f-]{36}\/resourcegroups\/emulated\/providers\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/one$/,
      ),
    });
    const app = toIdentity({ name: 'app', kind: 'app-registration' }, defaults);
    expect(app).not.toHaveProperty('resourceId');
  });

  it('completes credentials that give only their differences', () => {
    const { credentials } = toIdentity(
      { name: 'one', credentials: [{ subject: 'other' }, {}] },
      defaults,
    );
    expect(credentials).toEqual([{ ...credential, subject: 'other' }, credential]);
  });
});

describe('an identity from outside', () => {
  it('is understood', () => {
    expect(
      parseIdentity({
        name: 'one',
        kind: 'managed-identity',
        tenantId: guid,
        clientId: guid,
        objectId: guid,
        resourceId: '/subscriptions/x/y',
        disabled: true,
        credentials: [credential, {}],
      }),
    ).toEqual({
      name: 'one',
      kind: 'managed-identity',
      tenantId: guid.toLowerCase(),
      clientId: guid.toLowerCase(),
      objectId: guid.toLowerCase(),
      resourceId: '/subscriptions/x/y',
      disabled: true,
      credentials: [credential, { issuer: undefined, subject: undefined, audience: undefined }],
    });
  });

  it.each([
    [undefined, 'an identity must be a JSON object with name, kind'],
    [[], 'an identity must be a JSON object'],
    [{}, 'name must be a string that is not empty, not nothing'],
    [{ name: 'a b' }, 'name must be 1 to 128 letters'],
    [{ name: 'a', clientID: guid }, 'an identity has no field "clientID"; known are name'],
    [{ name: 'a', kind: 'user' }, 'kind must be one of managed-identity, app-registration'],
    [{ name: 'a', clientId: 'x' }, 'clientId must be a GUID'],
    [{ name: 'a', tenantId: 7 }, 'tenantId must be a GUID'],
    [{ name: 'a', resourceId: 'x' }, 'resourceId must be an ARM resource ID'],
    [{ name: 'a', kind: 'app-registration', resourceId: '/subscriptions/x' }, 'has none'],
    [{ name: 'a', disabled: 'yes' }, 'disabled must be true or false, not "yes"'],
    [{ name: 'a', credentials: {} }, 'credentials must be a list'],
    [{ name: 'a', credentials: [7] }, 'credentials[0] must be a JSON object'],
    [{ name: 'a', credentials: [{ sub: 's' }] }, 'credentials[0] has no field "sub"'],
    [{ name: 'a', credentials: [{ issuer: '' }] }, 'issuer must be a string that is not empty'],
  ])('%j is refused with a reason', (value, message) => {
    expect(() => parseIdentity(value)).toThrow(message);
  });
});

describe('the registry', () => {
  it('finds identities by tenant and client ID in any case', () => {
    const registry = createIdentityRegistry(tenantId);
    const one = toIdentity({ name: 'one', clientId: guid }, defaults);
    registry.put(one);
    expect(registry.find(tenantId, guid.toUpperCase())).toBe(one);
    expect(registry.find(otherTenantId, guid)).toBeUndefined();
    expect(registry.hasTenant(tenantId.toUpperCase())).toBe(true);
    expect(registry.hasTenant(otherTenantId)).toBe(false);
  });

  it('replaces and removes', () => {
    const registry = createIdentityRegistry(tenantId);
    registry.put(toIdentity({ name: 'one', clientId: guid }, defaults));
    const two = toIdentity({ name: 'two', clientId: guid }, defaults);
    registry.put(two);
    expect(registry.list()).toEqual([two]);
    expect(registry.remove(guid)).toBe(true);
    expect(registry.remove(guid)).toBe(false);
    expect(registry.list()).toEqual([]);
  });
});
