/** docs/self-managed.md with a real API server that has the flags of its kind.yaml. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { type IssuerSite, runShell, serveIssuer } from '../../support/issuer-site.ts';
import { describeOnCurrent } from '../../support/kubernetes.ts';
import { shellBlock } from '../../support/shell-blocks.ts';

const host = 'contoso.blob.core.windows.net';
const issuer = `https://${host}/oidc/`;

/** The extraArgs of kind.yaml, with the keys of this test. */
function readFlags(folder: string): {
  readonly apiServer: Readonly<Record<string, string>>;
  readonly controllerManager: Readonly<Record<string, string>>;
} {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/self-managed.md'), 'utf8');
  const kind = parse(/```yaml\n# kind\.yaml\n([^`]*)```/.exec(text)?.[1] ?? '');
  const [patch] = kind.nodes[0].kubeadmConfigPatches;
  const { apiServer, controllerManager } = parse(
    patch.replaceAll('<ISSUER>', issuer).replaceAll('/etc/kubernetes/pki', folder),
  );
  return { apiServer: apiServer.extraArgs, controllerManager: controllerManager.extraArgs };
}

describeOnCurrent('the flags of docs/self-managed.md', () => {
  const { binaries } = inject('kubernetes');
  const folder = mkdtempSync(join(tmpdir(), 'self-managed-'));
  let site: IssuerSite | undefined;
  let server: ApiServer | undefined;

  const run = (commands: string, env: Readonly<Record<string, string>> = {}) =>
    runShell(`export PATH=${binaries}:$PATH\nISSUER=${issuer}\n${commands}`, folder, {
      KUBECONFIG: join(folder, 'kubeconfig'),
      ...env,
    });
  const kubectl = async (args: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(`kubectl ${args}`);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    return stdout;
  };
  const published = (path: string): object =>
    JSON.parse(readFileSync(join(folder, 'site', path), 'utf8'));

  /** The block that makes a token and examines it; the server certificate is this test's own. */
  async function examineToken(): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await run(
      `${shellBlock('docs/self-managed.md', 'kubectl create token default').trim()} --output json`,
      site?.env,
    );
    const { checks } = JSON.parse(stdout);
    return Object.fromEntries(
      checks.map(({ id, status }: { id: string; status: string }) => [id, status]),
    );
  }

  beforeAll(async () => {
    const block = shellBlock('docs/self-managed.md', 'openssl genrsa').replaceAll(
      '<ACCOUNT>',
      'contoso',
    );
    expect(await runShell(block, folder)).toMatchObject({ exitCode: 0 });
    site = await serveIssuer(join(folder, 'site'), { host, prefix: '/oidc' });
    const { apiServer, controllerManager } = readFlags(folder);
    server = await startApiServer({
      binaries,
      folder,
      flags: apiServer,
      controllerFlags: controllerManager,
    });
    const found = await run('until kubectl get serviceaccount default; do sleep 0.2; done');
    expect(found.exitCode).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await site?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('make tokens that the published documents vouch for', async () => {
    expect(await examineToken()).toMatchObject({
      'issuer-name': 'ok',
      'issuer-keys': 'ok',
      'token-issuer': 'ok',
      'token-key': 'ok',
    });
  });

  it('serve the same documents as proxy issuer documents writes', async () => {
    const served = JSON.parse(await kubectl('get --raw /.well-known/openid-configuration'));
    expect(published('.well-known/openid-configuration')).toEqual(served);
    const keys = JSON.parse(await kubectl('get --raw /openid/v1/jwks'));
    expect(published('openid/v1/jwks')).toEqual(keys);
  });

  it('take both keys during a rotation, and sign with the new one', async () => {
    const old = readFileSync(join(folder, 'token'), 'utf8');
    const rotate = shellBlock('docs/self-managed.md', 'openssl genrsa -out new.key');
    expect(await run(rotate)).toMatchObject({ exitCode: 0 });
    await server?.[Symbol.asyncDispose]();
    const { apiServer, controllerManager } = readFlags(folder);
    server = await startApiServer({
      binaries,
      folder,
      flags: {
        ...apiServer,
        'service-account-key-file': [join(folder, 'new.pub'), join(folder, 'sa.pub')],
        'service-account-signing-key-file': join(folder, 'new.key'),
      },
      controllerFlags: {
        ...controllerManager,
        'service-account-private-key-file': join(folder, 'new.key'),
      },
    });
    expect(await examineToken()).toMatchObject({ 'token-issuer': 'ok', 'token-key': 'ok' });
    const kidOf = (token: string): string =>
      JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
    expect(kidOf(readFileSync(join(folder, 'token'), 'utf8'))).not.toBe(kidOf(old));
    // The API server still takes the old one.
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: old.trim(), audiences: ['api://AzureADTokenExchange'] },
    };
    const answer = await kubectl(
      `create --output=json --filename=- <<'END'\n${JSON.stringify(review)}\nEND`,
    );
    expect(JSON.parse(answer).status).toMatchObject({ authenticated: true });
  }, 120_000);
});
