/** The issuer of docs/self-managed.md, with a web server on loopback in place of the storage account. */
import { createPrivateKey, createSign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuerSite, runShell, serveIssuer } from '../../support/issuer-site.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

const host = 'contoso.blob.core.windows.net';
const issuer = `https://${host}/oidc/`;
const folder = mkdtempSync(join(tmpdir(), 'issuer of a cluster '));
let site: IssuerSite | undefined;

const ofDocument = (begins: string): string =>
  shellBlock('docs/self-managed.md', begins).replaceAll('<ACCOUNT>', 'contoso');

beforeAll(async () => {
  const made = await runShell(ofDocument('openssl genrsa'), folder);
  expect(made).toMatchObject({ exitCode: 0 });
  expect(made.stdout).toContain(`upload it to ${issuer}.well-known/openid-configuration`);
  site = await serveIssuer(join(folder, 'site'), { host, prefix: '/oidc' });
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function mint(key: string, kid: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', kid })}.${part({ iss: issuer, aud: ['api://AzureADTokenExchange'], sub: 'system:serviceaccount:shop:legacy-app' })}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(createPrivateKey(key));
  return `${signed}.${signature.toString('base64url')}`;
}

const keySet = (): { readonly keys: readonly { readonly kid: string }[] } =>
  JSON.parse(readFileSync(join(folder, 'site/openid/v1/jwks'), 'utf8'));

describe('the issuer of docs/self-managed.md', () => {
  it('has nothing wrong but a certificate of this test', async () => {
    const token = mint(readFileSync(join(folder, 'sa.key'), 'utf8'), keySet().keys[0]?.kid ?? '');
    writeFileSync(join(folder, 'token'), token);
    const { exitCode, stdout, stderr } = await runShell(
      `ISSUER=${issuer}\n${shellBlock('docs/doctor.md', 'proxy doctor --issuer').trim()} --output json`,
      folder,
      site?.env,
    );
    expect(stderr).toBe('');
    const { checks } = JSON.parse(stdout);
    const bad = checks.filter(({ status }: { status: string }) => status !== 'ok');
    expect(bad.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
      ['issuer-certificate', 'fail'],
    ]);
    expect(checks.map(({ id }: { id: string }) => id)).toContain('token-key');
    expect(exitCode).toBe(1);
    for (const secret of token.split('.')) expect(stdout).not.toContain(secret.slice(0, 20));
  });

  it('has both keys during a rotation', async () => {
    const rotated = await runShell(
      `ISSUER=${issuer}\n${ofDocument('openssl genrsa -out new.key')}`,
      folder,
    );
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(keySet().keys).toHaveLength(2);
    const checked = await runShell(
      `proxy doctor --issuer ${issuer} --public-key new.pub,sa.pub`,
      folder,
      site?.env,
    );
    expect(checked.stdout).toMatch(
      /ok {4}issuer-rotation {2,}every key of --public-key is published \(2\)/,
    );
  });

  it('is not found if the slash is missing in the documents', async () => {
    const wrong = await runShell(
      `proxy issuer documents --issuer ${issuer.slice(0, -1)} --public-key sa.pub --output site && proxy doctor --issuer ${issuer}`,
      folder,
      site?.env,
    );
    expect(wrong.exitCode).toBe(1);
    const [failure] = wrong.stdout.split('\n').filter((line) => line.startsWith('fail'));
    expect(failure).toMatch(/issuer-name .*the slash at its end differs/);
  });
});

describe('proxy issuer documents', () => {
  it.each([
    ['without a command', '', 2, /Usage/],
    ['with an unknown command', 'keys', 2, /unknown command "keys"; the only one is documents/],
    ['without a key', 'documents --issuer https://a.example', 2, /--public-key not set/],
    ['with http', 'documents --issuer http://a.example --public-key sa.pub', 2, /not an https URL/],
    [
      'with a password in the URL',
      'documents --issuer https://a:hunter22@b.example --public-key sa.pub',
      2,
      /^(?!.*hunter22).*the URL has a user/s,
    ],
    ['with a misspelt flag', 'documents --isuer https://a.example', 2, /did you mean --issuer/],
    [
      'with an argument',
      'documents --issuer https://a.example --public-key sa.pub b.pub',
      2,
      /pass keys as --public-key/,
    ],
    [
      'with a private key',
      'documents --issuer https://a.example --public-key sa.key',
      1,
      /sa\.key: has a private key/,
    ],
    [
      'with a missing file',
      'documents --issuer https://a.example --public-key x',
      1,
      /x: cannot be read \(ENOENT\)/,
    ],
    [
      'into a file',
      'documents --issuer https://a.example --public-key sa.pub --output sa.pub',
      1,
      /cannot be written: E/,
    ],
  ])('%s', async (_, argv, exitCode, says) => {
    const run = await runShell(`proxy issuer ${argv}`, folder);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stdout + run.stderr).toMatch(says);
  });

  it('explains itself', async () => {
    const { exitCode, stdout } = await runShell('proxy issuer documents --help', folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/--public-key <file> \(required\)/);
  });
});
