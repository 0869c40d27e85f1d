import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/proxy/config/config.ts';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import type { Option } from '../../../src/shared/option-table.ts';
import { accepted, clientId, refused, requiredEnv, tenantId } from './load.ts';

describe('defaults', () => {
  test('are those of the contract', () => {
    expect(accepted().config).toEqual({
      proxyPort: 8000,
      bindAddress: '127.0.0.1',
      adminPort: 9808,
      adminAddress: '::',
      clientId,
      tenantId,
      federatedTokenFile: requiredEnv.AZURE_FEDERATED_TOKEN_FILE,
      authorityHost: 'https://login.microsoftonline.com',
      identities: [],
      identityBinding: 'auto',
      exchangeMode: 'federation',
      tokenProxyViaHttpProxy: false,
      passthrough: 'instance',
      metadataEndpoint: { address: '169.254.169.254', port: 80 },
      logLevel: 'error',
      terminationLog: '/dev/termination-log',
      runtimeMetrics: false,
      probe: false,
      version: false,
    });
    expect(accepted().warnings).toEqual([]);
  });

  test('hold as well when every optional variable is set to nothing, as webhooks do', () => {
    const env = Object.fromEntries(
      ['AZURE_AUTHORITY_HOST', 'AZURE_KUBERNETES_TOKEN_PROXY', 'AZURE_KUBERNETES_CA_FILE']
        .concat(['IMDS_PROXY_ADMIN_PORT', 'IMDS_PROXY_IDENTITIES', 'HTTPS_PROXY'])
        .map((name) => [name, '']),
    );
    expect(accepted(env).config).toEqual(accepted().config);
  });

  test('the command line of the webhook, unset log level included', () => {
    expect(accepted({}, ['--proxy-port=8080', '--log-level=']).config).toMatchObject({
      proxyPort: 8080,
      logLevel: 'error',
    });
  });
});

test('the configuration is frozen, all of it', () => {
  const { config } = accepted({ IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId }]) });
  expect(() => Object.assign(config, { tenantId: 'x' })).toThrow(TypeError);
  expect(() => Object.assign(config.metadataEndpoint, { port: 1 })).toThrow(TypeError);
  expect(() => Object.assign(config.identities[0] ?? {}, { clientId: 'x' })).toThrow(TypeError);
});

test('each of our own settings is read from its variable, and its flag wins', () => {
  const env = {
    IMDS_PROXY_PROXY_PORT: '0x1F41',
    IMDS_PROXY_BIND_ADDRESS: '::1',
    IMDS_PROXY_ALLOWED_HOSTS: 'metadata.internal, IMDS',
    IMDS_PROXY_ADMIN_PORT: '9000',
    IMDS_PROXY_ADMIN_ADDRESS: '127.0.0.1',
    IMDS_PROXY_PASSTHROUGH: 'all',
    IMDS_PROXY_METADATA_ENDPOINT: '[fd00::1]:8080',
    IMDS_PROXY_DRAIN_QUIET: '500ms',
    IMDS_PROXY_DRAIN_DEADLINE: '1m30s',
    IMDS_PROXY_LOG_LEVEL: 'all',
    IMDS_PROXY_RUNTIME_METRICS: 'true',
  };
  const fromEnv = {
    bindAddress: '::1',
    proxyPort: 8001,
    allowedHosts: ['metadata.internal', 'imds'],
    adminAddress: '127.0.0.1',
    adminPort: 9000,
    passthrough: 'all',
    metadataEndpoint: { address: 'fd00::1', port: 8080 },
    drainQuiet: 500,
    drainDeadline: 90_000,
    logLevel: 'trace',
    runtimeMetrics: true,
  };
  expect(accepted(env).config).toMatchObject(fromEnv);
  const flags = ['--admin-port=0', '--passthrough', 'off', '-log-level=info', '-runtime-metrics=f'];
  expect(accepted(env, flags).config).toMatchObject({
    ...fromEnv,
    adminPort: 0,
    passthrough: 'off',
    logLevel: 'info',
    runtimeMetrics: false,
  });
});

describe('values at fault are refused with key, fault and fix', () => {
  test.each([
    [
      'AZURE_TENANT_ID',
      '',
      "AZURE_TENANT_ID not set; set the tenant's GUID or domain, as the azure-workload-identity webhook does",
    ],
    ['AZURE_TENANT_ID', 'my tenant', /^AZURE_TENANT_ID: "my tenant" is not a GUID or a domain; /],
    ['AZURE_TENANT_ID', 'contoso', /^AZURE_TENANT_ID: "contoso" is not a GUID or a domain; /],
    ['AZURE_TENANT_ID', 'contoso.com/x', /is not a GUID or a domain; set the tenant's ID/],
    ['AZURE_TENANT_ID', '10.0.0.1', /is not a GUID or a domain/],
    ['AZURE_TENANT_ID', `${tenantId}0`, /is not a GUID or a domain/],
    ['AZURE_TENANT_ID', 'common', /"common" means any tenant, but a token comes from one tenant; /],
    ['AZURE_TENANT_ID', 'Organizations', /means any tenant/],
    ['AZURE_TENANT_ID', 'consumers', /means any tenant/],
    [
      'AZURE_TENANT_ID',
      'adfs',
      /"adfs" means AD FS, which does not support workload identity federation; /,
    ],
    ['AZURE_CLIENT_ID', 'my-app', /^AZURE_CLIENT_ID: "my-app" is not a GUID; write it like 0{8}-/],
    [
      'AZURE_FEDERATED_TOKEN_FILE',
      '',
      /^AZURE_FEDERATED_TOKEN_FILE not set; mount a projected ServiceAccount token/,
    ],
    [
      'AZURE_FEDERATED_TOKEN_FILE',
      'token',
      /"token" is not an absolute path; write the whole path/,
    ],
    ['AZURE_FEDERATED_TOKEN_FILE', '/run/tokens/', /names a directory; name the file in it/],
    ['AZURE_FEDERATED_TOKEN_FILE', '/run/\0token', /"\/run\/\\u0000token" holds a NUL character/],
    ['AZURE_AUTHORITY_HOST', 'http://login.local', /has the scheme http; use https/],
    ['AZURE_AUTHORITY_HOST', 'login.microsoftonline.com', /is not a URL; write it like https:/],
    ['AZURE_AUTHORITY_HOST', 'login.local:443', /is not a URL/],
    ['AZURE_AUTHORITY_HOST', 'https://', /is not a URL/],
    ['AZURE_AUTHORITY_HOST', 'https:///', /is not a URL/],
    ['AZURE_AUTHORITY_HOST', 'https://login.local:99999', /is not a URL/],
    [
      'AZURE_AUTHORITY_HOST',
      'https://login.local/t',
      /has a path; write https:\/\/login.local alone/,
    ],
    [
      'AZURE_AUTHORITY_HOST',
      'https://login.local?x=1',
      /has a query; remove everything after the \?/,
    ],
    ['AZURE_AUTHORITY_HOST', 'https://login.local/?', /has a query/],
    ['AZURE_AUTHORITY_HOST', 'https://login.local/#x', /has a fragment/],
    ['AZURE_AUTHORITY_HOST', 'https://login local/', /holds white space/],
    ['AZURE_AUTHORITY_HOST', 'https://login.local\\x', /holds white space, a backslash/],
    ['IMDS_PROXY_PROXY_PORT', '0', /^IMDS_PROXY_PROXY_PORT: "0" is not a valid port; set /],
    ['IMDS_PROXY_PROXY_PORT', '70000', /"70000" is not a valid port; set a port number from 1 to/],
    ['IMDS_PROXY_ADMIN_PORT', '-1', /is not a valid port; .*or 0, which turns it off/],
    ['IMDS_PROXY_ADMIN_PORT', 'tcp://10.0.0.1:9808', /enableServiceLinks: false/],
    ['IMDS_PROXY_BIND_ADDRESS', 'localhost', /is not an IP address; .* not a name/],
    ['IMDS_PROXY_BIND_ADDRESS', '127.0.0.1:8000', /is not an IP address/],
    ['IMDS_PROXY_ADMIN_ADDRESS', '*', /is not an IP address/],
    ['IMDS_PROXY_ALLOWED_HOSTS', 'http://imds', /, entry 1: "http:\/\/imds" is not a host name/],
    ['IMDS_PROXY_ALLOWED_HOSTS', 'ok,imds:80', /, entry 2: "imds:80" is not a host name/],
    ['IMDS_PROXY_PASSTHROUGH', 'yes', /set one of off, instance, all$/],
    ['IMDS_PROXY_METADATA_ENDPOINT', 'metadata:80', /is not address:port; /],
    ['IMDS_PROXY_METADATA_ENDPOINT', '169.254.169.254:0', /is not address:port; /],
    ['IMDS_PROXY_METADATA_ENDPOINT', '::1:80', /is not address:port; /],
    ['IMDS_PROXY_METADATA_ENDPOINT', '[127.0.0.1]:80', /is not address:port; /],
    ['IMDS_PROXY_DRAIN_DEADLINE', '25h', /is out of range/],
    [
      'IMDS_PROXY_LOG_LEVEL',
      'loud',
      /invalid log level, valid choices are the empty string, warning, info, debug, trace and all/,
    ],
    ['IMDS_PROXY_RUNTIME_METRICS', 'on', /is not true or false/],
    ['IMDS_PROXY_ALLOWED_CLIENT_IDS', `${clientId},x`, /, entry 2: "x" is not a GUID/],
    [
      'IMDS_PROXY_ALLOWED_CLIENT_IDS',
      ' , ',
      /^IMDS_PROXY_ALLOWED_CLIENT_IDS: "," is an empty list/,
    ],
    ['IMDS_PROXY_ALLOWED_RESOURCES', 'x'.repeat(2_049), /, entry 1: .*… is not a resource/],
  ])('%s=%j', (key, value, expected) => {
    const errors = refused({ [key]: value });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(expected);
    expect(errors[0]?.startsWith(key)).toBe(true);
    expect(errors[0]).toMatch(/; \S/);
  });

  test('an explicit empty list is refused, not treated as no restriction', () => {
    expect(refused({}, ['--allowed-resources='])).toEqual([
      '--allowed-resources: "" is an empty list; list at least one value, or remove the setting',
    ]);
  });

  test('all at once', () => {
    const errors = refused({ AZURE_TENANT_ID: 'common', AZURE_FEDERATED_TOKEN_FILE: '' }, [
      '--proxy-port=70000',
      '--log-level=loud',
      '--drain-quiet=10s',
      '--drain-deadline=5s',
    ]);
    expect(errors.map((error) => error.split(/[: ]/)[0])).toEqual([
      '--proxy-port',
      'AZURE_TENANT_ID',
      'AZURE_FEDERATED_TOKEN_FILE',
      '--log-level',
      '--drain-quiet',
    ]);
  });

  test.each([
    'https://user:hunter2@login.local',
    'https://user:hunter2@login.local/path',
    'http://user:hunter2@login.local',
    'https://user:hunter2@login local',
    'user:hunter2@login.local',
    'https:/user:hunter2@login.local',
    'https:///user:hunter2@login.local',
    'https://user:hun/ter2@login.local?',
  ])('T2: user info is never shown (%s)', (value) => {
    for (const key of ['AZURE_AUTHORITY_HOST', 'AZURE_KUBERNETES_TOKEN_PROXY']) {
      const [error] = refused({ [key]: value });
      expect(error).toBeDefined();
      expect(error).not.toMatch(/hun|ter2|user:/);
    }
  });
});

describe('forms that are accepted', () => {
  test.each([
    'https://login.microsoftonline.us',
    'https://login.microsoftonline.us/',
    'https://login.microsoftonline.us//',
    'HTTPS://LOGIN.microsoftonline.us:443/',
  ])('T10: authority %s', (value) => {
    expect(accepted({ AZURE_AUTHORITY_HOST: value }).config.authorityHost).toBe(
      'https://login.microsoftonline.us',
    );
  });

  test.each([
    ['https://login.chinacloudapi.cn/', 'https://login.chinacloudapi.cn'],
    ['https://127.0.0.1:8443', 'https://127.0.0.1:8443'],
    ['https://[::1]:8443/', 'https://[::1]:8443'],
  ])('T10: authority %s is kept as it is configured', (value, origin) => {
    expect(accepted({ AZURE_AUTHORITY_HOST: value }).config.authorityHost).toBe(origin);
  });

  test.each([
    [tenantId.toUpperCase(), tenantId],
    [` ${tenantId}\n`, tenantId],
    ['Contoso.onmicrosoft.com', 'contoso.onmicrosoft.com'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('tenant %j', (value, expected) => {
    expect(accepted({ AZURE_TENANT_ID: value }).config.tenantId).toBe(expected);
  });

  test('client ID in any case, or none', () => {
    const { config } = accepted({ AZURE_CLIENT_ID: clientId.toUpperCase() });
    expect(config.clientId).toBe(clientId);
    expect(accepted({ AZURE_CLIENT_ID: '' }).config.clientId).toBeUndefined();
  });

  test('a token file that does not exist yet', () => {
    expect(accepted({ AZURE_FEDERATED_TOKEN_FILE: '/nowhere/token' }).config).toMatchObject({
      federatedTokenFile: '/nowhere/token',
    });
  });

  test('proxy variables in either case, of which the small one wins as elsewhere', () => {
    const env = {
      https_proxy: 'http://u:p@proxy:3128',
      NO_PROXY: '10.0.0.0/8,.local',
      no_proxy: 'x',
    };
    expect(accepted(env).config).toMatchObject({
      httpsProxy: 'http://u:p@proxy:3128',
      noProxy: 'x',
    });
  });
});

describe('conflicts', () => {
  test.each([
    { argv: ['--proxy-port=9808'], conflict: true },
    { argv: ['--proxy-port=9808', '--admin-address=0.0.0.0'], conflict: true },
    { argv: ['--proxy-port=9808', '--admin-address=127.0.0.1'], conflict: true },
    {
      argv: ['--proxy-port=9808', '--bind-address=0.0.0.0', '--admin-address=10.0.0.1'],
      conflict: true,
    },
    { argv: ['--proxy-port=9808', '--admin-address=10.0.0.1'], conflict: false },
    { argv: ['--proxy-port=9808', '--admin-port=0'], conflict: false },
    { argv: ['--proxy-port=9808', '--admin-port=9809'], conflict: false },
  ])('$argv: $conflict', ({ argv, conflict }) => {
    if (!conflict) {
      accepted({}, argv);
      return;
    }
    expect(refused({}, argv)).toEqual([
      '--admin-port (IMDS_PROXY_ADMIN_PORT): 9808 is the port of the token endpoint (--proxy-port); set another port, or 0 to turn the admin port off',
    ]);
  });

  test('a quiet time that is longer than the deadline', () => {
    expect(refused({ IMDS_PROXY_DRAIN_QUIET: '30s' })).toEqual([
      'IMDS_PROXY_DRAIN_QUIET: 30000 ms is longer than the shutdown may take, 25000 ms (--drain-deadline (IMDS_PROXY_DRAIN_DEADLINE)); set a shorter time',
    ]);
  });

  test('--probe and --version together', () => {
    expect(loadConfig(['--probe', '--version'], {})).toEqual({
      kind: 'usage',
      error: '--version and --probe exclude each other',
    });
  });
});

describe('command line', () => {
  test.each([
    { argv: ['--nope'], error: 'unknown flag --nope' },
    {
      argv: ['--tenant-id=x'],
      error: 'unknown flag --tenant-id; set the variable AZURE_TENANT_ID',
    },
    { argv: ['--proxy-port'], error: '--proxy-port needs a value' },
    { argv: ['--runtime-metrics', 'true'], error: 'unexpected argument "true"' },
  ])('$argv is refused', ({ argv, error }) => {
    expect(loadConfig(argv, requiredEnv)).toEqual({ kind: 'usage', error });
  });

  test('help and version need no configuration', () => {
    expect(loadConfig(['--help'], {})).toEqual({ kind: 'help' });
    expect(loadConfig(['--version'], { IMDS_PROXY_PROXY_PORT: 'x' })).toEqual({ kind: 'version' });
  });
});

/** What the settings without a default may be. */
const textOf: Readonly<Record<string, string>> = {
  IMDS_PROXY_ALLOWED_HOSTS: 'a,b',
  IMDS_PROXY_IDENTITY_HEADER: 'hunter2'.repeat(9),
  IMDS_PROXY_REGIONAL_AUTHORITY: 'westeurope',
  IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId }]),
  IMDS_PROXY_ALLOWED_CLIENT_IDS: clientId,
  IMDS_PROXY_ALLOWED_RESOURCES: 'https://a',
  AZURE_KUBERNETES_TOKEN_PROXY: 'https://10.0.0.1',
  AZURE_KUBERNETES_SNI_NAME: 'a.example',
  AZURE_KUBERNETES_CA_DATA: rootCertificates[0] ?? '',
  IMDS_PROXY_DRAIN_QUIET: '500ms',
  IMDS_PROXY_DRAIN_DEADLINE: '30s',
  https_proxy: 'http://u:hunter2@proxy:1',
  http_proxy: 'http://u:hunter2@proxy:1',
  no_proxy: 'x',
  NODE_EXTRA_CA_CERTS: '/nowhere',
};

describe('effective configuration for the log', () => {
  test('shows every setting and no secret', () => {
    const { fields } = accepted({
      HTTPS_PROXY: 'http://user:hunter2@proxy:3128',
      IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId }]),
      IMDS_PROXY_ALLOWED_RESOURCES: 'https://a https://b',
    });
    expect(fields).toMatchObject({
      proxy_port: 8000,
      bind_address: '127.0.0.1',
      admin_port: 9808,
      metadata_endpoint: '169.254.169.254:80',
      tenant_id: tenantId,
      client_id: clientId,
      identities: 1,
      allowed_resources: 'https://a https://b',
      https_proxy: 'set',
      entra_via: 'proxy:3128',
    });
    expect(JSON.stringify(fields)).not.toContain('hunter2');
  });

  test('has a field for every setting that has a variable, set or with a default', () => {
    const { fields } = accepted({
      ...Object.fromEntries(
        Object.values<Option>(proxyOptions).map(({ env = '' }) => [env, textOf[env]]),
      ),
      ...requiredEnv,
    });
    const shown = new Set(Object.keys(fields));
    for (const [key, option] of Object.entries<Option>(proxyOptions)) {
      if (option.env === undefined || option.retired !== undefined) continue;
      // It may not be set beside the CA's data.
      if (key === 'tokenProxyCaFile') continue;
      const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      expect(shown, key).toContain(name);
      expect(typeof fields[name]).not.toBe('object');
      if (option.secret) expect(fields[name]).toBe('set');
    }
    expect(JSON.stringify(fields)).not.toMatch(/hunter2|BEGIN/);
  });
});
