import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeInNamespaces } from '../../support/netns.ts';

const root = join(import.meta.dirname, '..', '..', '..');

function runDemo(...args: readonly string[]) {
  const left = (): readonly string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith('imds-demo-'));
  const before = left();
  const result = spawnSync(process.execPath, [join(root, 'demo', 'demo.ts'), ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 55_000,
  });
  expect(left()).toEqual(before);
  return result;
}

/** What a reader is to see, whichever way the application finds the proxy. */
const story = [
  'GET /metadata/identity/oauth2/token',
  'appid',
  'second, from memory',
  'got the token of reports',
  'A token that is in memory is still served: 200',
  'az identity federated-credential create',
  'imds_proxy_token_exchanges_total{result="success"} 3',
];

test('the demo tells its story without a redirect', () => {
  const { status, stdout, stderr } = runDemo('--no-redirect');
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('AZURE_POD_IDENTITY_AUTHORITY_HOST');
  for (const line of story) expect(stdout).toContain(line);
});

/** The same with identity binding. */
const bindingStory = [
  'AZURE_KUBERNETES_SNI_NAME',
  'audience         api://AKSIdentityBinding',
  'issuer    https://ib.oic.emulator.test/',
  '400 access_denied',
  '| kubectl apply -f -',
  'Applied, the next one gets its token: 200',
  'a new token comes all the same: 200',
  'It has a token file of its own',
];

test('the demo tells of identity binding without a redirect', () => {
  const { status, stdout, stderr } = runDemo('--no-redirect', '--identity-binding');
  expect(status, stderr).toBe(0);
  for (const line of bindingStory) expect(stdout).toContain(line);
});

/** The same with a Key Vault. */
const vaultStory = [
  'new SecretClient(vaultUrl, new DefaultAzureCredential())',
  'resource="https://vault.azure.net"',
  'api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net',
  'subject   system:serviceaccount:shop:orders',
  'authorization: Bearer eyJ',
  'Good morning, shop',
  'The library keeps challenge and token',
  '403 appid=',
];

test('the demo tells of a vault without a redirect', () => {
  const { status, stdout, stderr } = runDemo('--no-redirect', '--key-vault');
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('GET https://localhost:');
  for (const line of vaultStory) expect(stdout).toContain(line);
});

describeInNamespaces('the demo with the real redirect', () => {
  test('tells its story at 169.254.169.254', () => {
    const { status, stdout, stderr } = runDemo();
    expect(status, stderr).toBe(0);
    expect(stdout).toContain("curl -H 'Metadata: true' 'http://169.254.169.254/metadata/");
    expect(stdout).toContain('redirect verified');
    for (const line of story) expect(stdout).toContain(line);
  });

  test('tells of identity binding at 169.254.169.254', () => {
    const { status, stdout, stderr } = runDemo('--identity-binding');
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('redirect verified');
    for (const line of bindingStory) expect(stdout).toContain(line);
  });

  test('tells of a vault that is reached by its own name', () => {
    const { status, stdout, stderr } = runDemo('--key-vault');
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('redirect verified');
    expect(stdout).toContain('GET http://169.254.169.254/metadata/identity/oauth2/token?');
    expect(stdout).toContain('GET https://shop.vault.azure.net/secrets/greeting/');
    for (const line of vaultStory) expect(stdout).toContain(line);
    // A whole token has two dots.
    expect(stdout).not.toMatch(/eyJ[\w-]*\.[\w-]+\.[\w-]+/);
  });
});
