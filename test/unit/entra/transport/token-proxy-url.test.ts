import { describe, expect, it } from 'vitest';
import { toTokenProxyUrl } from '../../../../src/proxy/entra/transport/transport.ts';

const entra = 'https://login.microsoftonline.com';

describe('T4: the URL at the token proxy', () => {
  it.each([
    ['https://p/', '/t/x', 'https://p/t/x'],
    ['https://p', '/t/x', 'https://p/t/x'],
    ['https://p:6443/', '/t/x', 'https://p:6443/t/x'],
    [
      'https://p/extra/root/path',
      '/client-path?query=1',
      'https://p/extra/root/path/client-path?query=1',
    ],
    ['https://p/extra/', '/t/x', 'https://p/extra/t/x'],
    ['https://p/extra/', '/t/x/', 'https://p/extra/t/x/'],
    ['https://p/extra', '/', 'https://p/extra/'],
    ['https://p/', '/', 'https://p/'],
    ['https://p/a%2Fb', '/t%2Fu/x', 'https://p/a%2Fb/t%2Fu/x'],
    ['https://p/%C3%A4', '/t?a=%20b&c=%2F&d', 'https://p/%C3%A4/t?a=%20b&c=%2F&d'],
    ['https://[fd00::1]:6443/a', '/t?q=1', 'https://[fd00::1]:6443/a/t?q=1'],
  ])('%s and %s', (proxy, path, expected) => {
    expect(toTokenProxyUrl(proxy, `${entra}${path}`)).toBe(expected);
  });
});
