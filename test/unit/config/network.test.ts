import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toEntraSettings } from '../../../src/proxy/config/exchange-settings.ts';
import { findNoProxyFaults, isDirect } from '../../../src/proxy/config/no-proxy.ts';
import { accepted, refused } from './load.ts';

describe('T8: NO_PROXY', () => {
  test.each([
    ['', 'https://login.microsoftonline.com', false],
    ['*', 'https://login.microsoftonline.com', true],
    ['a.example,*', 'https://login.microsoftonline.com', true],
    ['login.microsoftonline.com', 'https://login.microsoftonline.com', true],
    ['LOGIN.MicrosoftOnline.com.', 'https://login.microsoftonline.com', true],
    ['microsoftonline.com', 'https://login.microsoftonline.com', true],
    ['.microsoftonline.com', 'https://login.microsoftonline.com', true],
    ['*.microsoftonline.com', 'https://login.microsoftonline.com', true],
    ['online.com', 'https://login.microsoftonline.com', false],
    ['login.microsoftonline.com.evil.example', 'https://login.microsoftonline.com', false],
    ['com', 'https://login.microsoftonline.com', true],
    ['.', 'https://login.microsoftonline.com', false],
    ['*.', 'https://login.microsoftonline.com', false],
    ['a.example  login.example', 'https://login.example', true],
    ['a.example,\tlogin.example ', 'https://login.example', true],
    ['login.example:443', 'https://login.example', true],
    ['login.example:8443', 'https://login.example', false],
    ['login.example:8443', 'https://login.example:8443', true],
    ['.example:8443', 'https://login.example:443', false],
    ['login.example', 'https://login.example.:8443', true],
    ['10.0.0.1', 'https://10.0.0.1', true],
    ['10.0.0.1', 'https://10.0.0.10', false],
    ['0.0.1', 'https://10.0.0.1', false],
    ['10.0.0.1:443', 'https://10.0.0.1:6443', false],
    ['10.0.0.0/8', 'https://10.200.3.4', true],
    ['10.0.0.0/8', 'https://11.0.0.1', false],
    ['10.0.0.0/8', 'https://10.example', false],
    ['10.0.0.0/8:443', 'https://10.1.1.1', true],
    ['10.0.0.0/33', 'https://10.0.0.1', false],
    ['10.0.0.0/', 'https://10.0.0.0', false],
    ['10.0.0.0/x', 'https://10.0.0.0', false],
    ['0.0.0.0/0', 'https://203.0.113.9', true],
    ['0.0.0.0/0', 'https://login.example', false],
    ['fd00::1', 'https://[fd00::1]', true],
    ['fd00:0:0::1', 'https://[fd00::1]', true],
    ['[fd00::1]', 'https://[fd00::1]:6443', true],
    ['[fd00::1]:443', 'https://[fd00::1]:6443', false],
    ['[fd00::1]:6443', 'https://[fd00::1]:6443', true],
    ['fd00::/8', 'https://[fdab::1]', true],
    ['[fd00::/8]:6443', 'https://[fdab::1]:6443', true],
    ['[fd00::]/8', 'https://[fdab::1]', true],
    ['fd00::/8', 'https://[fe80::1]', false],
    ['10.0.0.0/8', 'https://[::ffff:10.0.0.1]', true],
    // Whatever the variable says.
    ['', 'https://169.254.169.254', true],
    ['', 'http://169.254.169.254/metadata/instance', true],
    ['', 'https://localhost:8443', true],
    ['', 'https://a.localhost', true],
    ['', 'https://127.3.2.1', true],
    ['', 'https://[::1]:1', true],
  ])('"%s" for %s: direct %s', (noProxy, url, expected) => {
    expect(isDirect(url, noProxy)).toBe(expected);
  });

  test.each([
    ['10.0.0.0/33', '"10.0.0.0/33" has no prefix length from 0 to 32'],
    ['10.0.0.0/', '"10.0.0.0/" has no prefix length from 0 to 32'],
    ['10.0.0.0/8/9', '"10.0.0.0/8/9" has no prefix length from 0 to 32'],
    ['[fd00::]/129', '"[fd00::]/129" has no prefix length from 0 to 128'],
    ['https://login.example', '"https://login.example" is a URL, not a host'],
    ['login.example:0', '"login.example:0" has no valid port'],
    ['login.example:99999', '"login.example:99999" has no valid port'],
    ['10.0.0.', '"10.0.0." is not a name, an address or a network'],
    ['10.*', '"10.*" is not a name, an address or a network'],
    ['256.0.0.1', '"256.0.0.1" is not a name, an address or a network'],
    ['<local>', '"<local>" is not a name, an address or a network'],
    ['login.example/path', '"login.example/path" is not a name, an address or a network'],
    ['.', '"." is not a name, an address or a network'],
    ['bücher.example', '"bücher.example" is not a name, an address or a network'],
  ])('%s matches nothing, which is a warning', (entry, fault) => {
    const env = { HTTPS_PROXY: 'http://proxy:1', NO_PROXY: `a.example, ${entry}` };
    expect(accepted(env).warnings).toEqual([
      `NO_PROXY: the entry ${fault}, so it matches nothing; correct it`,
    ]);
  });

  test('entries that match something cause no warning', () => {
    const good =
      '*,.svc,.cluster.local,*.a.example,a_b.example:443,10.0.0.1:80,10.0.0.0/8,0.0.0.0/0,::1,[fd00::]/8,fd00::/8,[::1]:443,kubernetes,169.254.169.254';
    expect(findNoProxyFaults(good)).toEqual([]);
  });

  test('many faults are five warnings', () => {
    expect(findNoProxyFaults('/ '.repeat(100))).toHaveLength(5);
  });

  test('a CIDR holds exactly the addresses that share its first bits', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const address = fc.tuple(fc.integer({ min: 1, max: 126 }), octet, octet, octet);
    const toNumber = (octets: readonly number[]): number =>
      octets.reduce((sum, one) => sum * 256 + one, 0);
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (one, other, bits) => {
        const size = 2 ** (32 - bits);
        const isSame = Math.floor(toNumber(one) / size) === Math.floor(toNumber(other) / size);
        const url = `https://${other.join('.')}`;
        expect(isDirect(url, `${one.join('.')}/${bits}`)).toBe(isSame);
      }),
    );
  });

  test('nothing that it may hold throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV6(), (noProxy, address) => {
        isDirect(`https://[${address}]`, noProxy);
        isDirect('https://login.example', noProxy);
      }),
    );
  });
});

describe('HTTP proxy', () => {
  const settings = (env: Readonly<Record<string, string>>) => toEntraSettings(accepted(env).config);

  test.each([
    ['proxy:3128', 'http://proxy:3128'],
    ['http://proxy', 'http://proxy'],
    ['https://proxy:8443/', 'https://proxy:8443'],
    ['http://user:p%40ss@10.0.0.1:3128', 'http://user:p%40ss@10.0.0.1:3128'],
    ['http://[fd00::1]:3128', 'http://[fd00::1]:3128'],
  ])('%s', (HTTPS_PROXY, expected) => {
    expect(settings({ HTTPS_PROXY }).httpProxy).toBe(expected);
  });

  test.each([
    'socks5://user:hunter2@proxy:1080',
    'http://user:hunter2@proxy/path',
    'http://user:hunter2@proxy:99999',
    'http://user:hunter2%@proxy',
    'http://user:hunter2@pro xy',
  ])('%s is refused, and not shown', (HTTPS_PROXY) => {
    const errors = refused({ HTTPS_PROXY });
    expect(errors).toEqual([expect.stringMatching(/^HTTPS_PROXY: the value .*; write /)]);
    expect(errors.join()).not.toContain('hunter2');
  });

  test('the small names win, HTTPS_PROXY before HTTP_PROXY', () => {
    const env = { HTTP_PROXY: 'c:1', HTTPS_PROXY: 'b:1', https_proxy: 'a:1' };
    expect(settings(env).httpProxy).toBe('http://a:1');
    expect(settings({ ...env, https_proxy: '' }).httpProxy).toBe('http://b:1');
    expect(settings({ HTTP_PROXY: 'c:1' }).httpProxy).toBe('http://c:1');
  });

  test('NO_PROXY and a private authority', () => {
    const env = { HTTPS_PROXY: 'p:1', AZURE_AUTHORITY_HOST: 'https://10.9.8.7:8443' };
    expect(settings({ ...env, NO_PROXY: '10.0.0.0/8' }).httpProxy).toBeUndefined();
    expect(settings({ ...env, NO_PROXY: '10.0.0.0/8:443' }).httpProxy).toBe('http://p:1');
  });

  test('T8: the token proxy is reached without, unless asked for', () => {
    const env = { HTTPS_PROXY: 'p:1', AZURE_KUBERNETES_TOKEN_PROXY: 'https://10.0.0.1' };
    expect(settings(env).tokenProxy?.httpProxy).toBeUndefined();
    expect(settings(env).httpProxy).toBe('http://p:1');
    const asked = { ...env, IMDS_PROXY_TOKEN_PROXY_VIA_HTTP_PROXY: 'true' };
    expect(settings(asked).tokenProxy?.httpProxy).toBe('http://p:1');
    expect(settings({ ...asked, NO_PROXY: '10.0.0.1' }).tokenProxy?.httpProxy).toBeUndefined();
  });
});

describe('T10: regional authority', () => {
  test.each([
    ['https://login.microsoftonline.com/', 'https://westeurope.login.microsoft.com'],
    ['https://login.microsoftonline.us', 'https://westeurope.login.microsoftonline.us'],
    ['https://login.chinacloudapi.cn', 'https://westeurope.login.partner.microsoftonline.cn'],
  ])('of %s', (AZURE_AUTHORITY_HOST, expected) => {
    const env = { AZURE_AUTHORITY_HOST, IMDS_PROXY_REGIONAL_AUTHORITY: 'westeurope' };
    expect(toEntraSettings(accepted(env).config).authorityHost).toBe(expected);
  });

  test('of a host that has none', () => {
    const env = {
      AZURE_AUTHORITY_HOST: 'https://sts.example',
      IMDS_PROXY_REGIONAL_AUTHORITY: 'x1y',
    };
    expect(refused(env)).toEqual([
      'IMDS_PROXY_REGIONAL_AUTHORITY: no regional authority is known for https://sts.example (AZURE_AUTHORITY_HOST); remove the setting, or set AZURE_AUTHORITY_HOST to the regional authority',
    ]);
  });

  test.each([
    'AutoDiscoverRegion',
    'AUTO_DISCOVER',
    'auto',
    'West Europe',
    'west-europe',
    'a.b',
    '1x',
  ])('%s is refused', (region) => {
    const [error, ...others] = refused({}, [`--regional-authority=${region}`]);
    expect(error).toMatch(/^--regional-authority: ".*; write /);
    expect(others).toEqual([]);
  });

  test('variables of others choose none', () => {
    const env = { MSAL_FORCE_REGION: 'westeurope', AZURE_REGIONAL_AUTHORITY_NAME: 'westeurope' };
    expect(toEntraSettings(accepted(env).config).authorityHost).toBe(
      'https://login.microsoftonline.com',
    );
  });
});
