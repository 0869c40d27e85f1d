import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/proxy/config/config.ts';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import type { Option } from '../../../src/shared/option-table.ts';
import { accepted, refused, requiredEnv } from './load.ts';

describe('a variable with our prefix that this version does not know stops the start', () => {
  test.each([
    ['IMDS_PROXY_ALOWED_RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMDS_PROXY_ALLOW_RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMDS_PROXY_ALLOWED_RESOURCE', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMDS_PROXY_ALLOWEDRESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['imds_proxy_allowed_resources', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['Imds_Proxy_Allowed_Client_Ids', 'IMDS_PROXY_ALLOWED_CLIENT_IDS'],
    ['IMDS_PROXY_CLIENT_IDS_ALLOWED', 'IMDS_PROXY_ALLOWED_CLIENT_IDS'],
    ['IMDS_PROXY_PASSTHRU', 'IMDS_PROXY_PASSTHROUGH'],
    ['IMDS_PROXY_PASS_THROUGH', 'IMDS_PROXY_PASSTHROUGH'],
    ['IMDS_PROXY_PORT', 'IMDS_PROXY_PROXY_PORT or IMDS_PROXY_ADMIN_PORT'],
    ['IMDS_PROXY_CLIENT_ID', 'AZURE_CLIENT_ID'],
    // The prefix itself is misspelt, or written with the other separator.
    ['IMDSPROXY_ALLOWED_RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMDS_PROX_ALLOWED_RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMSD_PROXY_ALLOWED_RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['IMDS-PROXY-ALLOWED-RESOURCES', 'IMDS_PROXY_ALLOWED_RESOURCES'],
    ['imds-proxy.allowed-resources', 'IMDS_PROXY_ALLOWED_RESOURCES'],
  ])('%s', (name, meant) => {
    expect(refused({ [name]: 'x' })).toEqual([`${name}: unknown variable; did you mean ${meant}?`]);
  });

  test('without a suggestion where nothing is similar', () => {
    expect(refused({ IMDS_PROXY_COLOUR: 'red' })).toEqual([
      'IMDS_PROXY_COLOUR: unknown variable; remove it (proxy --help lists all settings)',
    ]);
  });

  test('also if it is empty: it may have been meant as a restriction', () => {
    expect(refused({ IMDS_PROXY_ALOWED_RESOURCES: '' })).toHaveLength(1);
  });

  test('together with everything else that is wrong', () => {
    const errors = refused({ IMDS_PROXY_ALOWED_RESOURCES: 'x', AZURE_TENANT_ID: '' });
    expect(errors.map((error) => error.split(/[: ]/)[0])).toEqual([
      'AZURE_TENANT_ID',
      'IMDS_PROXY_ALOWED_RESOURCES',
    ]);
  });

  test('every one-letter slip in every variable of ours stops the start', () => {
    for (const { env } of Object.values<Option>(proxyOptions)) {
      if (env === undefined || !env.startsWith('IMDS_PROXY_')) continue;
      for (let at = 0; at < env.length; at += 1) {
        const left = `${env.slice(0, at)}${env.slice(at + 1)}`;
        const doubled = `${env.slice(0, at)}${env[at]}${env.slice(at)}`;
        for (const name of [left, doubled]) {
          if (!(name in proxyNames)) expect(refused({ [name]: 'x' })).toHaveLength(1);
        }
      }
    }
  });
});

const proxyNames = Object.fromEntries(
  Object.values<Option>(proxyOptions).map(({ env = '' }) => [env, true]),
);

describe('the variables that Kubernetes makes for Services do not', () => {
  test.each(['IMDS_PROXY', 'IMDS_PROXY_METRICS', 'IMDS_PROXY_ADMIN_WEB_2'])('%s', (service) => {
    const env = {
      [`${service}_SERVICE_HOST`]: '10.0.0.1',
      [`${service}_SERVICE_PORT`]: '8000',
      [`${service}_SERVICE_PORT_HTTP`]: '8000',
      [`${service}_PORT`]: 'tcp://10.0.0.1:8000',
      [`${service}_PORT_8000_TCP`]: 'tcp://10.0.0.1:8000',
      [`${service}_PORT_8000_TCP_PROTO`]: 'tcp',
      [`${service}_PORT_8000_TCP_PORT`]: '8000',
      [`${service}_PORT_8000_TCP_ADDR`]: '10.0.0.1',
      [`${service}_PORT_53_UDP`]: 'udp://10.0.0.1:53',
      [`${service}_PORT_9_SCTP`]: 'sctp://[fd00::1]:9',
      [`${service}_PORT_9_SCTP_ADDR`]: 'fd00::1',
    };
    expect(accepted(env)).toEqual(accepted());
  });

  // Each has the name of a link and a value that no link has.
  test.each([
    ['IMDS_PROXY_PORT', '8080'],
    ['IMDS_PROXY_ADMIM_PORT', '9000'],
    ['IMDS_PROXY_SERVICE_HOST', 'imds.example.com'],
    ['IMDS_PROXY_SERVICE_PORT', 'http'],
    ['IMDS_PROXY_SERVICE_PORTS', '80'],
    ['IMDS_PROXY_PORT_80_TCP', '80'],
    ['IMDS_PROXY_PORT_80_HTTP', 'tcp://10.0.0.1:80'],
    ['IMDS_PROXY_PORT_80_TCP_ADDR', 'here'],
    ['IMDS_PROXY_PORT_80_TCP_ADDRESS', '10.0.0.1'],
    ['imds_proxy_service_host', '10.0.0.1'],
  ])('but %s=%s does', (name, value) => {
    expect(refused({ [name]: value })).toHaveLength(1);
  });
});

describe('a variable whose name is almost one that others define is a warning', () => {
  test.each([
    ['AZURE_CLIENTID', 'AZURE_CLIENT_ID'],
    ['AZURE_TENENT_ID', 'AZURE_TENANT_ID'],
    ['azure_client_id', 'AZURE_CLIENT_ID'],
    ['AZURE_FEDERATED_TOKENFILE', 'AZURE_FEDERATED_TOKEN_FILE'],
    ['AZURE_KUBERNETES_CA_FILES', 'AZURE_KUBERNETES_CA_FILE'],
    ['NODE_EXTRA_CA_CERT', 'NODE_EXTRA_CA_CERTS'],
  ])('%s', (name, meant) => {
    expect(accepted({ [name]: 'x' }).warnings).toEqual([
      `${name}: not a variable that the proxy reads; did you mean ${meant}?`,
    ]);
  });

  test('variables of the Azure SDKs and of other programs are not', () => {
    const names = [
      'AZURE_CLIENT_SECRET',
      'AZURE_CLIENT_CERTIFICATE_PATH',
      'AZURE_SUBSCRIPTION_ID',
      'AZURE_REGIONAL_AUTHORITY_NAME',
      'AZURE_ADDITIONALLY_ALLOWED_TENANTS',
      'AZURE_TOKEN_CREDENTIALS',
      'AZURE_CLOUD',
      'FTP_PROXY',
      'ALL_PROXY',
      'NODE_OPTIONS',
      'KUBERNETES_SERVICE_HOST',
    ];
    expect(accepted(Object.fromEntries(names.map((name) => [name, 'x']))).warnings).toEqual([]);
  });
});

describe('an unknown flag', () => {
  test.each([
    ['--alowed-resources=x', 'unknown flag --alowed-resources; did you mean --allowed-resources?'],
    [
      '--Allowed-Resources=x',
      'unknown flag --Allowed-Resources; did you mean --allowed-resources?',
    ],
    [
      '--allowed_resources=x',
      'unknown flag --allowed_resources; did you mean --allowed-resources?',
    ],
    ['--port=8000', 'unknown flag --port; did you mean --proxy-port or --admin-port?'],
    ['--nope', 'unknown flag --nope'],
    // A setting without a flag: the message names its variable.
    ['--tenant-id=x', 'unknown flag --tenant-id; set the variable AZURE_TENANT_ID'],
    ['--client-id=x', 'unknown flag --client-id; set the variable AZURE_CLIENT_ID'],
  ])('%s is a usage error', (flag, error) => {
    expect(loadConfig([flag], requiredEnv)).toEqual({ kind: 'usage', error });
  });
});

describe('a restriction that names nothing stops the start', () => {
  const restrictions = ['IMDS_PROXY_ALLOWED_RESOURCES', 'IMDS_PROXY_ALLOWED_CLIENT_IDS'] as const;

  test.each(
    restrictions.flatMap((name) =>
      ['', ' ', '\n', '\t \n', ',', ' , ', ',,', '\n,\n'].map((value) => [name, value] as const),
    ),
  )('%s=%j', (name, value) => {
    const errors = refused({ [name]: value });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(
      new RegExp(
        `^${name}: ".*" is an empty list; list at least one value, or remove the setting$`,
      ),
    );
  });

  test.each(['--allowed-resources=', '--allowed-client-ids= ', '--allowed-resources=,'])(
    '%s',
    (flag) => {
      expect(refused({}, [flag])).toHaveLength(1);
    },
  );

  test('a flag with values wins over an empty variable', () => {
    const env = { IMDS_PROXY_ALLOWED_RESOURCES: '' };
    expect(accepted(env, ['--allowed-resources=https://a']).config.allowedResources).toEqual([
      'https://a',
    ]);
  });

  test('unset allows all', () => {
    const env = { IMDS_PROXY_ALLOWED_RESOURCES: undefined };
    expect(accepted(env).config.allowedResources).toBeUndefined();
  });
});

describe('a list in a form that is not ours is refused, not taken as one strange resource', () => {
  test.each([
    '["https://vault.azure.net"]',
    "['https://vault.azure.net']",
    '{https://vault.azure.net}',
    '"https://vault.azure.net"',
    'https://vault.azure.net;https://storage.azure.com',
    'https://vault.azure.net|https://storage.azure.com',
    'https://*.vault.azure.net',
    '*',
  ])('%s', (value) => {
    const [error] = refused({ IMDS_PROXY_ALLOWED_RESOURCES: value });
    expect(error).toMatch(/^IMDS_PROXY_ALLOWED_RESOURCES, entry 1: .* is not a resource; .*commas/);
  });

  test.each([
    'https://vault.azure.net',
    'https://vault.azure.net/,https://storage.azure.com\n',
    'api://11111111-2222-3333-4444-555555555555',
    'urn:example:a%20b',
    '00000003-0000-0000-c000-000000000000',
    'https://a.example/path?x=1&y=(2)',
  ])('%s is accepted', (value) => {
    expect(accepted({ IMDS_PROXY_ALLOWED_RESOURCES: value }).config.allowedResources).toBeDefined();
  });
});
