import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toEntraSettings } from '../../../src/proxy/config/exchange-settings.ts';
import { makeAssertion } from '../entra/support.ts';
import { accepted, refused } from './load.ts';
import { pipeIn } from './pipe.ts';

const [certificate = '', otherCertificate = ''] = rootCertificates;
const garbled = certificate.replace(/\n.{20}/, '\n!!!!!!!!!!!!!!!!!!!!');
const url = 'https://10.0.0.1:443';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'binding-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function caFile(content: string): string {
  const path = join(folder(), 'ca.crt');
  writeFileSync(path, content);
  return path;
}

describe('T1: identity binding is on exactly if AZURE_KUBERNETES_TOKEN_PROXY is set', () => {
  test.each([
    [undefined, false, 'federation'],
    ['auto', false, 'federation'],
    ['off', false, 'federation'],
    [undefined, true, 'binding'],
    ['auto', true, 'binding'],
    ['on', true, 'binding'],
    ['off', true, 'federation'],
  ])('or as IMDS_PROXY_IDENTITY_BINDING=%s says, set: %s', (choice, isSet, mode) => {
    const { config } = accepted({
      ...(isSet ? { AZURE_KUBERNETES_TOKEN_PROXY: url } : {}),
      IMDS_PROXY_IDENTITY_BINDING: choice,
    });
    expect(config.exchangeMode).toBe(mode);
    expect(config.binding !== undefined).toBe(mode === 'binding');
  });

  test('on without it is refused', () => {
    expect(refused({}, ['--identity-binding=on'])).toEqual([
      '--identity-binding: on, but AZURE_KUBERNETES_TOKEN_PROXY is not set; set the annotation azure.workload.identity/use-identity-binding: "true" on the pod, so that the webhook sets it',
    ]);
  });

  test('off is a way out of settings that are at fault', () => {
    const env = { AZURE_KUBERNETES_TOKEN_PROXY: url, AZURE_KUBERNETES_CA_FILE: '/nowhere/ca.crt' };
    expect(refused(env)).toHaveLength(1);
    expect(accepted({ ...env, IMDS_PROXY_IDENTITY_BINDING: 'off' }).config).toMatchObject({
      binding: undefined,
    });
  });

  const bindingAudience = 'api://AKSIdentityBinding';
  const directAudience = 'api://AzureADTokenExchange';
  test.each([
    ['off', bindingAudience, /AZURE_FEDERATED_TOKEN_FILE: .*AADSTS700211 or AADSTS700212.*pod/],
    ['off', directAudience, undefined],
    ['auto', bindingAudience, undefined],
    ['auto', directAudience, /AZURE_FEDERATED_TOKEN_FILE: .* which the token proxy refuses; .*pod/],
    ['auto', 'https://kubernetes.default.svc', undefined],
  ])('%s with a token for %s', (choice, audience, expected) => {
    const file = join(folder(), 'token');
    writeFileSync(file, makeAssertion({ aud: [audience], exp: 1 }));
    const { warnings } = accepted({
      AZURE_KUBERNETES_TOKEN_PROXY: url,
      IMDS_PROXY_IDENTITY_BINDING: choice,
      AZURE_FEDERATED_TOKEN_FILE: file,
    });
    expect(warnings).toEqual(expected === undefined ? [] : [expect.stringMatching(expected)]);
  });

  test('unset', () => {
    expect(accepted().config.binding).toBeUndefined();
  });

  test('set', () => {
    expect(accepted({ AZURE_KUBERNETES_TOKEN_PROXY: url }).config.binding).toEqual({
      url: 'https://10.0.0.1/',
      serverName: undefined,
      ca: { kind: 'system' },
    });
  });
});

describe('T2: URL', () => {
  test.each([
    ['https://p', 'https://p/'],
    ['https://p/', 'https://p/'],
    ['https://p:8443/extra/root/path', 'https://p:8443/extra/root/path'],
    ['https://p/extra/', 'https://p/extra/'],
    ['https://p/a%2Fb', 'https://p/a%2Fb'],
    ['https://[fd00::1]', 'https://[fd00::1]/'],
  ])('%s', (value, expected) => {
    const { config } = accepted({ AZURE_KUBERNETES_TOKEN_PROXY: value });
    expect(config.binding?.url).toBe(expected);
  });

  test.each([
    ['http://p', /has the scheme http; use https/],
    ['p', /is not a URL/],
    ['https://u:p@p', /contains user info; remove everything up to/],
    ['https://@p', /contains user info/],
    ['https:///u:p@p', /is not a URL; write it like .*two slashes/],
    ['https:////p', /is not a URL/],
    ['https://p?q', /has a query/],
    ['https://p/?', /has a query/],
    ['https://p#f', /has a fragment/],
    ['https://p#', /has a fragment/],
  ])('%s is refused', (value, expected) => {
    const errors = refused({ AZURE_KUBERNETES_TOKEN_PROXY: value });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^AZURE_KUBERNETES_TOKEN_PROXY: /);
    expect(errors[0]).toMatch(expected);
  });
});

describe('T2: settings without a token proxy', () => {
  test.each([
    [{ AZURE_KUBERNETES_SNI_NAME: 'a.ests.aks' }, 'AZURE_KUBERNETES_SNI_NAME is'],
    [{ AZURE_KUBERNETES_CA_FILE: '/ca.crt' }, 'AZURE_KUBERNETES_CA_FILE is'],
    [{ AZURE_KUBERNETES_CA_DATA: certificate }, 'AZURE_KUBERNETES_CA_DATA is'],
    [
      { AZURE_KUBERNETES_SNI_NAME: 'a', AZURE_KUBERNETES_CA_FILE: '/ca.crt' },
      'AZURE_KUBERNETES_SNI_NAME and AZURE_KUBERNETES_CA_FILE are',
    ],
  ])('%j', (env, names) => {
    expect(refused(env)).toEqual([
      `AZURE_KUBERNETES_TOKEN_PROXY: not set, but ${names}; set it, or remove the rest`,
    ]);
  });

  test('is not said when the URL is there and wrong', () => {
    const env = { AZURE_KUBERNETES_TOKEN_PROXY: 'http://p', AZURE_KUBERNETES_SNI_NAME: 'a' };
    expect(refused(env)).toHaveLength(1);
  });
});

describe('T2: server name', () => {
  test('is kept', () => {
    const env = { AZURE_KUBERNETES_TOKEN_PROXY: url, AZURE_KUBERNETES_SNI_NAME: 'A1.ests.aks' };
    expect(accepted(env).config.binding?.serverName).toBe('a1.ests.aks');
  });

  test.each(['https://a', 'a:443', 'a b', 'a..b', '-a', '10.0.0.1', 'fd00::1'])(
    '%s is refused',
    (name) => {
      const env = { AZURE_KUBERNETES_TOKEN_PROXY: url, AZURE_KUBERNETES_SNI_NAME: name };
      expect(refused(env)[0]).toMatch(/^AZURE_KUBERNETES_SNI_NAME: .* is not a DNS name; \S/);
    },
  );
});

describe('T2, T6: CA', () => {
  const withFile = (path: string): Record<string, string> => ({
    AZURE_KUBERNETES_TOKEN_PROXY: url,
    AZURE_KUBERNETES_CA_FILE: path,
  });
  const withData = (pem: string): Record<string, string> => ({
    AZURE_KUBERNETES_TOKEN_PROXY: url,
    AZURE_KUBERNETES_CA_DATA: pem,
  });

  test('from a file', () => {
    const path = caFile(`${certificate}\n${otherCertificate}`);
    const { config, warnings } = accepted(withFile(path));
    expect(config.binding?.ca).toEqual({ kind: 'file', path });
    expect(warnings.filter((warning) => warning.includes('CA_'))).toEqual([]);
  });

  test('from the variable', () => {
    const pem = `${certificate}\n${otherCertificate}`;
    expect(accepted(withData(pem)).config.binding?.ca).toEqual({ kind: 'data', pem });
  });

  test.each([
    ['x', /^AZURE_KUBERNETES_CA_DATA: the value contains no PEM certificate; set the CA in PEM/],
    [garbled, /^AZURE_KUBERNETES_CA_DATA, certificate 1: the value cannot be parsed; replace it/],
    [`${certificate}\n${garbled}`, /^AZURE_KUBERNETES_CA_DATA, certificate 2: the value cannot be/],
  ])('data without certificate is refused (%#)', (pem, expected) => {
    expect(refused(withData(pem))[0]).toMatch(expected);
  });

  test.each([
    ['x', / contains no PEM certificate; set the CA in PEM/],
    [`${certificate}\n${garbled}`, /, certificate 2 cannot be parsed; replace it/],
  ])('a file without certificate is refused (%#)', (content, expected) => {
    const [error] = refused(withFile(caFile(content)));
    expect(error).toMatch(/^AZURE_KUBERNETES_CA_FILE: "/);
    expect(error).toMatch(expected);
  });

  test('a file that is missing or unreadable is refused', () => {
    expect(refused(withFile('/nowhere/ca.crt'))).toEqual([
      'AZURE_KUBERNETES_CA_FILE: "/nowhere/ca.crt" cannot be read (ENOENT); mount the CA there, or remove the variable',
    ]);
    const directory = join(folder(), 'ca.crt');
    mkdirSync(directory);
    expect(refused(withFile(directory))[0]).toContain('is a directory');
    expect(refused(withFile('ca.crt'))[0]).toContain('is not an absolute path');
  });

  test('a pipe, a device or a large file is refused, and not waited for', () => {
    const remedy = 'set the path of the CA in PEM, or remove the variable';
    const pipe = pipeIn(folder());
    expect(refused(withFile(pipe))).toEqual([
      `AZURE_KUBERNETES_CA_FILE: "${pipe}" is not a regular file; ${remedy}`,
    ]);
    expect(refused(withFile('/dev/null'))[0]).toContain('is not a regular file');
    const large = caFile(`${certificate}${' '.repeat(1_024 * 1_024)}`);
    expect(refused(withFile(large))).toEqual([
      `AZURE_KUBERNETES_CA_FILE: "${large}" has more than 1 MiB; ${remedy}`,
    ]);
  });

  test('T7: a file that was good at the start is the last good one', () => {
    const pem = `${certificate}\n${otherCertificate}`;
    const { config } = accepted(withFile(caFile(pem)));
    expect(config.binding?.checkedCaPem).toBe(pem);
    expect(accepted(withFile(caFile(''))).config.binding?.checkedCaPem).toBeUndefined();
    expect(JSON.stringify(toEntraSettings(config))).not.toContain('BEGIN');
  });

  test('T7: a file that is empty for the moment is not', () => {
    const path = caFile('\n');
    const { config, warnings } = accepted(withFile(path));
    expect(config.binding?.ca).toEqual({ kind: 'file', path });
    expect(warnings).toContain(
      `AZURE_KUBERNETES_CA_FILE: "${path}" is empty; exchanges fail until it contains the CA of the token proxy`,
    );
  });

  test('T3: both at once are refused', () => {
    const path = caFile(certificate);
    expect(refused({ ...withFile(path), ...withData(certificate) })).toEqual([
      `AZURE_KUBERNETES_CA_FILE: "${path}" and AZURE_KUBERNETES_CA_DATA are both set; remove one of them`,
    ]);
  });

  test('T3: but not if the file is absent, as the webhook 1.6.0 leaves it', () => {
    const env = { ...withFile('/nowhere/ca.crt'), ...withData(certificate) };
    const { config, warnings } = accepted(env);
    expect(config.binding?.ca).toEqual({ kind: 'data', pem: certificate });
    expect(warnings).toContain(
      'AZURE_KUBERNETES_CA_FILE: "/nowhere/ca.crt" does not exist; the proxy uses AZURE_KUBERNETES_CA_DATA instead',
    );
  });
});
