import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../../src/emulator/entra-tenant/refusal.ts';
import { isKnownResource, toResource } from '../../../src/emulator/entra-tenant/scope.ts';

describe('the resource of a scope', () => {
  it('is everything before the last slash, whatever it is', () => {
    const visible = fc.stringMatching(/^[!-~]+$/);
    fc.assert(
      fc.property(visible, (resource) => {
        expect(toResource(`${resource}/.default`)).toBe(resource);
      }),
    );
  });

  it('is the same beside the scopes of OpenID Connect, which MSAL Go adds', () => {
    const resource = 'https://vault.azure.net';
    const scope = `${resource}/.default openid offline_access profile`;
    expect(toResource(scope)).toBe(resource);
    expect(() => toResource('openid profile')).toThrow(Refusal);
    expect(() => toResource(`${scope} https://x.test/.default`)).toThrow(Refusal);
  });

  it('is found or refused with an AADSTS code, never with another error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (scope) => {
        try {
          expect(scope).toContain(toResource(scope));
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
    );
  });
});

describe('a tenant that knows any resource', () => {
  it.each([
    'https://vault.azure.net',
    'api://x',
    '00000003-0000-0000-c000-000000000000',
    'urn+x://y',
  ])('knows %s', (resource) => expect(isKnownResource(resource, 'any')).toBe(true));

  it.each(['vault', 'https:/x', 'https:///x', '//x', '1a://x'])('does not know %s', (resource) => {
    expect(isKnownResource(resource, 'any')).toBe(false);
  });
});
