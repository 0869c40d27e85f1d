import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { describeInNamespaces } from '../../support/netns.ts';

const root = join(import.meta.dirname, '..', '..', '..');

const demo = join(root, 'demo', 'demo.ts');
// A folder for this file alone: other demos may run on this machine.
const scratch = mkdtempSync(join(tmpdir(), 'demo-test-'));
chmodSync(scratch, 0o755);
const env = { ...process.env, TMPDIR: scratch };
afterEach(() => {
  expect(readdirSync(scratch)).toEqual([]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

function runDemo(...args: readonly string[]) {
  return spawnSync(process.execPath, [demo, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: 55_000,
  });
}

/** Starts the demo alone in its process group. @returns its output until it contains `text`, and its end */
function startDemo(args: readonly string[], text: string) {
  const child = spawn(process.execPath, [demo, ...args], { cwd: root, env, detached: true });
  let output = '';
  const shown = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        if (output.includes(text)) resolve();
      });
    }
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, shown, ended, output: () => output };
}

const trace = /^\s+at .+:\d+:\d+\)?$/m;

/** What the demo shows, whichever way the application finds the proxy. */
const story = [
  'GET /metadata/identity/oauth2/token',
  'appid',
  'second, from memory',
  'got the token of reports',
  'A cached token is still served: 200',
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
  'After that command, the next request gets its token: 200',
  'a new token is still issued: 200',
  'It has its own token file',
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
  'The library has kept challenge and token',
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

test('--help lists the options and starts nothing', () => {
  const { status, stdout, stderr } = runDemo('--help');
  expect([status, stderr]).toEqual([0, '']);
  for (const flag of ['--identity-binding', '--key-vault', '--no-redirect']) {
    expect(stdout).toContain(flag);
  }
});

test.each([
  [['--bogus'], "Unknown option '--bogus'"],
  [['chapter'], "Unexpected argument 'chapter'"],
  [['--key-vault', '--identity-binding'], '--identity-binding and --key-vault exclude each other'],
])('%j is refused with a reason and exit code 2', (args, reason) => {
  const { status, stdout, stderr } = runDemo(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toBe(`demo: ${reason}; npm run demo -- --help lists the options\n`);
});

test.each([
  ['SIGINT', 130, []],
  ['SIGTERM', 143, []],
  ['SIGHUP', 129, ['--no-redirect']],
  ['SIGTERM', 143, ['--key-vault', '--no-redirect']],
] as const)('%s to the demo alone ends it with exit code %i: %j', async (signal, code, args) => {
  const { child, shown, ended, output } = startDemo(args, '2. ');
  await shown;
  child.kill(signal);
  expect(await ended, output()).toEqual([code, null]);
  expect(output()).toContain(`demo: interrupted by ${signal}`);
  expect(output()).not.toMatch(trace);
});

test('the demo ends when nobody reads its output', async () => {
  const { child, shown, ended, output } = startDemo(['--no-redirect'], '1. ');
  await shown;
  child.stdout.destroy();
  expect(await ended, output()).toEqual([141, null]);
  expect(output()).not.toMatch(trace);
});

describeInNamespaces('the demo as root', () => {
  test('does not use a temporary folder that other users cannot enter', () => {
    chmodSync(scratch, 0o700);
    try {
      const { status, stdout, stderr } = runDemo('--no-redirect');
      expect(status, stderr).toBe(0);
      expect(stdout).toContain('as user 1501');
    } finally {
      chmodSync(scratch, 0o755);
    }
  });
});
