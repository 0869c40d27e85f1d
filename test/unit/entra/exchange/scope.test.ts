import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toScope } from '../../../../src/proxy/entra/exchange/exchange.ts';
import { ProxyError } from '../../../../src/proxy/errors.ts';

describe('T11: resource to scope', () => {
  it.each([
    ['https://vault.azure.net', 'https://vault.azure.net/.default'],
    ['https://database.windows.net/', 'https://database.windows.net//.default'],
    ['https://storage.azure.com//', 'https://storage.azure.com///.default'],
    ['https://x.example/.default', 'https://x.example/.default'],
    ['https://Vault.Azure.NET', 'https://Vault.Azure.NET/.default'],
    ['00000003-0000-0000-c000-000000000000', '00000003-0000-0000-c000-000000000000/.default'],
    ['api://some-app', 'api://some-app/.default'],
    ['https://x.example?a=b', 'https://x.example?a=b/.default'],
    ['x'.repeat(2_048), `${'x'.repeat(2_048)}/.default`],
  ])('%s', (resource, scope) => {
    expect(toScope(resource)).toBe(scope);
  });

  it.each([
    ['nothing', ''],
    ['a space', 'https://a b'],
    ['a trailing line feed', 'https://a\n'],
    ['a no-break space', 'https://a\u00a0b'],
    ['a byte order mark', '\ufeffhttps://a'],
    ['a null', 'https://a\0'],
    ['a C1 control', 'https://a\u0085'],
    ['2,049 characters', 'x'.repeat(2_049)],
  ])('refuses %s', (_name, resource) => {
    expect(() => toScope(resource)).toThrow(ProxyError);
    expect(() => toScope(resource)).toThrow(
      expect.objectContaining({ code: 'ERR_RESOURCE_INVALID' }),
    );
  });

  it('gives every accepted resource exactly one scope that starts with it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (resource) => {
        let scope: string;
        try {
          scope = toScope(resource);
        } catch {
          return;
        }
        expect(scope.split(/\s+/u)).toHaveLength(1);
        expect(scope.startsWith(resource)).toBe(true);
        expect(scope.endsWith('/.default')).toBe(true);
        expect(toScope(scope)).toBe(scope);
      }),
    );
  });
});
