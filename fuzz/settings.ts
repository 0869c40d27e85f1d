/** Random settings: each either starts the proxy or is refused with a clear error, and none is a crash. */
import fc from 'fast-check';
import { loadConfig } from '../src/proxy/config/config.ts';
import { proxyOptions } from '../src/proxy/config/options.ts';
import { check, type FuzzTarget } from './target.ts';

const secret = 'CANARY-0123456789abcdef0123456789abcdef';

const guid = '11111111-1111-1111-1111-111111111111';
const value = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'true',
    'false',
    '0',
    '-1',
    '1e9',
    '65536',
    '1s',
    '1h',
    '999999999999h',
    'all',
    'off',
    'auto',
    '::',
    '127.0.0.1',
    '169.254.169.254:80',
    '[::1]:80',
    'https://login.microsoftonline.com',
    'http://user:password@proxy:3128',
    'https://vault.azure.net,https://storage.azure.com',
    'contoso.onmicrosoft.com',
    guid,
    `${guid},${guid}`,
    '/var/run/secrets/azure/tokens/azure-identity-token',
    '/dev/null',
    '/proc/self/mem',
    `[{"clientId":"${guid}"}]`,
    '[{"clientId":1}]',
    '[]',
    '{',
    '-----BEGIN CERTIFICATE-----',
    secret,
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.json({ maxDepth: 2 }),
);

const options = Object.values(proxyOptions) as readonly {
  readonly flag?: string;
  readonly env?: string;
}[];
const variables = [
  ...options.flatMap(({ env }) => (env === undefined ? [] : [env])),
  'IMDS_PROXY_ALOWED_RESOURCES',
  'HTTPS_PROXY',
  'NO_PROXY',
];
const flags = options.flatMap(({ flag }) => (flag === undefined ? [] : [`--${flag}`]));

const environment = fc.dictionary(fc.constantFrom(...variables), value, { maxKeys: 6 });
const argument = fc.oneof(
  fc.tuple(fc.constantFrom(...flags), value).map(([flag, text]) => `${flag}=${text}`),
  fc.constantFrom(...flags),
  value,
);

const whole = {
  AZURE_CLIENT_ID: guid,
  AZURE_TENANT_ID: guid,
  AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/token',
};

export const settingsTarget: FuzzTarget = {
  name: 'settings',
  fuzz: (fuzzOptions) =>
    check(
      fc.asyncProperty(
        fc.boolean(),
        environment,
        fc.array(argument, { maxLength: 3 }),
        async (isWhole, env, argv) => {
          const all = { ...(isWhole ? whole : {}), ...env, IMDS_PROXY_IDENTITY_HEADER: secret };
          const loaded = loadConfig(argv, all);
          switch (loaded.kind) {
            case 'config':
              assertHidden(JSON.stringify(loaded.fields), argv, env);
              return;
            case 'invalid':
              assertClear(loaded.errors, argv, env);
              return;
            case 'usage':
              assertClear([loaded.error], argv, env);
              return;
            case 'version':
            case 'help':
              return;
            default:
              throw new Error(`unknown outcome ${JSON.stringify(loaded satisfies never)}`);
          }
        },
      ),
      fuzzOptions,
    ),
};

function assertClear(
  errors: readonly string[],
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): void {
  if (errors.length === 0) throw new Error('refused without a reason');
  for (const error of errors) {
    if (error.trim().length < 10) throw new Error(`an error that says nothing: ${error}`);
    assertHidden(error, argv, env);
    if (/undefined|\[object|TypeError/.test(error) && !isEcho(error, argv, env)) {
      throw new Error(`an error of ours: ${error}`);
    }
  }
}

function assertHidden(
  text: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): void {
  // Another setting may have been given the same text; then it is not a secret.
  const isGiven = [...argv, ...Object.values(env)].some((given) => given.includes('CANARY'));
  if (!isGiven && text.includes('CANARY')) throw new Error(`a secret is told: ${text}`);
}

function isEcho(
  error: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): boolean {
  return [...argv, ...Object.values(env)].some((text) => text !== '' && error.includes(text));
}
