import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createRedact } from '../../../../src/doctor/engine/redact.ts';
import { runChecks } from '../../../../src/doctor/engine/run-checks.ts';
import type { Fetched } from '../../../../src/doctor/issuer/fetch-document.ts';
import { openIssuer } from '../../../../src/doctor/issuer/issuer.ts';
import { systemClock } from '../../../../src/proxy/clock.ts';
import {
  createSigner,
  discovery,
  discoveryUrl,
  issuer,
  keySet,
  keysUrl,
  mint,
  signer,
} from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'doctor-issuer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const other = createSigner();

type Answer = Partial<Extract<Fetched, { kind: 'answer' }>>;

interface Setting {
  readonly issuer?: string;
  readonly discovery?: Answer | { readonly code: string };
  readonly keys?: Answer | { readonly code: string };
  /** Content of --token-file. */
  readonly token?: string;
  /** Contents of --public-key. */
  readonly publicKeys?: readonly string[];
}

function toFetched(given: Answer | { readonly code: string } | undefined, text: string): Fetched {
  if (given !== undefined && 'code' in given) return { kind: 'fault', code: given.code };
  return { kind: 'answer', status: 200, headers: {}, text, isPublic: true, ...given };
}

async function examine(setting: Setting) {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const place = openIssuer(
    {
      async fetchDocument(url) {
        if (url === discoveryUrl) return toFetched(setting.discovery, discovery());
        if (url === keysUrl) return toFetched(setting.keys, keySet(signer));
        return { kind: 'fault', code: 'ENOTFOUND' };
      },
    },
    {
      issuer: setting.issuer ?? issuer,
      tokenFile: setting.token === undefined ? undefined : write('token', setting.token),
      publicKeys: (setting.publicKeys ?? []).map((pem, index) => write(`${index}.pub`, pem)),
    },
  );
  return runChecks(place.checks, { clock: systemClock, redact: createRedact([]) });
}

const without = (json: string, change: (value: Record<string, unknown>) => void): string => {
  const value = JSON.parse(json);
  change(value);
  return JSON.stringify(value);
};

describe('doctor on an issuer', () => {
  it('finds nothing wrong with documents as Kubernetes writes them', async () => {
    const results = await examine({
      discovery: { headers: { 'cache-control': 'public, max-age=3600' } },
      token: mint(signer),
      publicKeys: [signer.pem],
    });
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(results.map(({ id }) => id)).toEqual([
      'issuer-url',
      'issuer-discovery',
      'issuer-name',
      'issuer-jwks-uri',
      'issuer-key-set',
      'issuer-certificate',
      'issuer-keys',
      'token-issuer',
      'token-key',
      'issuer-rotation',
      'issuer-caching',
    ]);
  });

  const failures: readonly [
    title: string,
    setting: Setting,
    id: string,
    says: RegExp,
    fix: RegExp,
  ][] = [
    [
      'an issuer with a private address',
      { issuer: 'https://10.1.2.3/' },
      'issuer-url',
      /Entra cannot use/,
      /--service-account-issuer/,
    ],
    [
      'an issuer of the cluster itself',
      { issuer: 'https://kubernetes.default.svc.cluster.local' },
      'issuer-url',
      /Entra cannot use/,
      /--service-account-issuer/,
    ],
    [
      'a name that is not in DNS',
      { discovery: { code: 'ENOTFOUND' } },
      'issuer-discovery',
      /cannot be resolved/,
      /spelling of --issuer/,
    ],
    [
      'nobody listens',
      { discovery: { code: 'ECONNREFUSED' } },
      'issuer-discovery',
      /ECONNREFUSED/,
      /port 443/,
    ],
    [
      'no answer',
      { discovery: { code: 'ETIMEDOUT' } },
      'issuer-discovery',
      /no answer within 8 s/,
      /port 443/,
    ],
    [
      'a document without end',
      { discovery: { code: 'EFBIG' } },
      'issuer-discovery',
      /more than 256 KiB/,
      /proxy issuer documents/,
    ],
    [
      'a certificate of a private CA',
      { discovery: { code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' } },
      'issuer-discovery',
      /no public authority/,
      /public authority/,
    ],
    [
      'a certificate that this machine alone trusts',
      { discovery: { isPublic: false } },
      'issuer-certificate',
      /only a CA of this machine/,
      /public authority/,
    ],
    [
      'an expired certificate',
      { discovery: { code: 'CERT_HAS_EXPIRED' } },
      'issuer-discovery',
      /expired/,
      /Renew/,
    ],
    [
      'a certificate for another name',
      { discovery: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } },
      'issuer-discovery',
      /another name/,
      /for this name/,
    ],
    [
      'no document',
      { discovery: { status: 404, text: 'not found' } },
      'issuer-discovery',
      /status 404: nothing is there/,
      /proxy issuer documents/,
    ],
    [
      'a login',
      { discovery: { status: 401, text: '{}' } },
      'issuer-discovery',
      /wants a login/,
      /Let everybody read/,
    ],
    [
      'a storage account without public access',
      { discovery: { status: 409, text: '<Code>PublicAccessNotPermitted</Code>' } },
      'issuer-discovery',
      /forbids public access/,
      /nothing but these documents: az storage account update .*--allow-blob-public-access true/,
    ],
    [
      'a private container',
      { discovery: { status: 404, text: '<Code>ResourceNotFound</Code>' } },
      'issuer-discovery',
      /container of the storage account is private/,
      /nothing but these documents: az storage container set-permission/,
    ],
    [
      'a redirect',
      { discovery: { status: 301, headers: { location: 'https://cdn.example.com/x?sig=SECRET' } } },
      'issuer-discovery',
      /redirects with status 301 to https:\/\/cdn\.example\.com\/x$/,
      /at this very address/,
    ],
    [
      'a redirect to a login',
      { discovery: { status: 302, headers: { location: '/login?next=x' } } },
      'issuer-discovery',
      /to https:\/\/oidc\.example\.com\/login$/,
      /wants a login/,
    ],
    [
      'an HTML page',
      { discovery: { text: '<!DOCTYPE html><p>Sign in' } },
      'issuer-discovery',
      /an HTML page/,
      /proxy issuer documents/,
    ],
    [
      'something else than JSON',
      { discovery: { text: 'issuer: x' } },
      'issuer-discovery',
      /other than a JSON object/,
      /proxy issuer documents/,
    ],
    [
      'a slash too few',
      { discovery: { text: discovery({ issuer: issuer.slice(0, -1) }) } },
      'issuer-name',
      /the slash at its end differs/,
      /one text everywhere/,
    ],
    [
      'another case',
      { discovery: { text: discovery({ issuer: issuer.replace('shop', 'Shop') }) } },
      'issuer-name',
      /upper and lower case differ/,
      /one text everywhere/,
    ],
    [
      'http',
      { discovery: { text: discovery({ issuer: issuer.replace('https', 'http') }) } },
      'issuer-name',
      /begins with http:/,
      /one text everywhere/,
    ],
    [
      'another issuer',
      { discovery: { text: discovery({ issuer: 'https://old.example.com/' }) } },
      'issuer-name',
      /another URL/,
      /one text everywhere/,
    ],
    [
      'no issuer',
      { discovery: { text: discovery({ issuer: 7 }) } },
      'issuer-name',
      /it is missing/,
      /one text everywhere/,
    ],
    [
      'the address of the API server',
      { discovery: { text: discovery({ jwks_uri: 'https://10.0.0.4:6443/openid/v1/jwks' }) } },
      'issuer-jwks-uri',
      /10\.0\.0\.4:6443/,
      /--service-account-jwks-uri/,
    ],
    [
      'keys inside the cluster',
      {
        discovery: {
          text: discovery({ jwks_uri: 'https://kubernetes.default.svc/openid/v1/jwks' }),
        },
      },
      'issuer-jwks-uri',
      /kubernetes\.default\.svc/,
      /--service-account-jwks-uri/,
    ],
    [
      'no jwks_uri',
      { discovery: { text: without(discovery(), (value) => delete value['jwks_uri']) } },
      'issuer-jwks-uri',
      /no jwks_uri/,
      /proxy issuer documents/,
    ],
    [
      'keys that are not there',
      { keys: { status: 404, text: '' } },
      'issuer-key-set',
      /the key set cannot be read: .*404/,
      /proxy issuer documents/,
    ],
    [
      'an empty key set',
      { keys: { text: '{"keys":[]}' } },
      'issuer-keys',
      /has no keys/,
      /proxy issuer documents/,
    ],
    [
      'an EC key',
      { keys: { text: '{"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"AA","y":"AA"}]}' } },
      'issuer-keys',
      /a is of the type EC, and Entra verifies RSA signatures only/,
      /openssl genrsa/,
    ],
    [
      'a key without kid',
      {
        keys: {
          text: without(keySet(signer), ({ keys }) => delete (keys as [{ kid?: string }])[0].kid),
        },
      },
      'issuer-keys',
      /key 1 has no kid/,
      /proxy issuer documents/,
    ],
    [
      'a broken key',
      {
        keys: {
          text: without(keySet(signer), ({ keys }) => delete (keys as [{ n?: string }])[0].n),
        },
      },
      'issuer-keys',
      /is not an RSA key/,
      /proxy issuer documents/,
    ],
    [
      'a PRIVATE key',
      {
        keys: {
          text: without(keySet(signer), ({ keys }) =>
            Object.assign((keys as [object])[0], { d: 'c2VjcmV0' }),
          ),
        },
      },
      'issuer-keys',
      /PRIVATE key/,
      /Take it down now/,
    ],
    [
      'a token of another issuer',
      { token: mint(signer, {}, { iss: issuer.slice(0, -1) }) },
      'token-issuer',
      /the token has another issuer: the slash/,
      /one text everywhere/,
    ],
    [
      'no token in the file',
      { token: 'hello' },
      'token-issuer',
      /holds no ServiceAccount token/,
      /kubectl create token/,
    ],
    [
      'a token of a key that is not published',
      { token: mint(other) },
      'token-key',
      new RegExp(`${other.kid}, is not published`),
      /the one before it as --public-key/,
    ],
    [
      'a token of an EC key',
      { token: mint(signer, { alg: 'ES256' }) },
      'token-key',
      /signed with ES256/,
      /RSA key/,
    ],
    [
      'a kid of another key',
      { token: mint(other, { kid: signer.kid }) },
      'token-key',
      /does not verify the token/,
      /name of another one/,
    ],
    [
      'a rotation with one key only',
      { publicKeys: [signer.pem, other.pem] },
      'issuer-rotation',
      new RegExp(`1 of 2 keys .*${other.kid}`),
      /old and new key together/,
    ],
    [
      'a private key as public key',
      { publicKeys: [signer.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()] },
      'issuer-rotation',
      /private key/,
      /public keys/,
    ],
  ];

  it.each(failures)('names the cause first: %s', async (_, setting, id, says, fix) => {
    const results = await examine(setting);
    const first = results.find(({ status }) => status === 'fail');
    expect(first).toMatchObject({
      id,
      summary: expect.stringMatching(says),
      fix: expect.stringMatching(fix),
    });
    expect(JSON.stringify(results)).not.toMatch(/SECRET|c2VjcmV0/);
  });

  it('prints no part of a token', async () => {
    const token = mint(other);
    for (const setting of [{ token }, { token: `${token}x` }, { token: mint(signer) }]) {
      const printed = JSON.stringify(await examine(setting));
      for (const part of token.split('.')) expect(printed).not.toContain(part.slice(0, 24));
    }
  });

  it('skips the checks of documents that could not be read', async () => {
    const results = await examine({ discovery: { code: 'ENOTFOUND' }, token: mint(signer) });
    const skipped = results.filter(({ status }) => status === 'skip').map(({ id }) => id);
    expect(skipped).toEqual([
      'issuer-name',
      'issuer-jwks-uri',
      'issuer-key-set',
      'issuer-certificate',
      'issuer-keys',
      'token-key',
      'issuer-rotation',
      'issuer-caching',
    ]);
    expect(results.find(({ id }) => id === 'token-issuer')?.status).toBe('ok');
  });

  it('takes both keys of a rotation', async () => {
    const results = await examine({
      keys: { text: keySet(signer, other) },
      token: mint(other),
      publicKeys: [signer.pem, other.pem],
    });
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
  });

  it('warns about one bad key beside a good one, and about documents that are kept for days', async () => {
    const ec = { kty: 'EC', kid: 'a', crv: 'P-256', x: 'AA', y: 'AA' };
    const results = await examine({
      keys: {
        text: without(keySet(signer), ({ keys }) => (keys as object[]).push(ec)),
        headers: { 'cache-control': 'public, max-age=604800' },
      },
      token: mint(signer),
    });
    const warnings = results.filter(({ status }) => status !== 'ok');
    expect(warnings.map(({ id, status }) => [id, status])).toEqual([
      ['issuer-keys', 'warn'],
      ['issuer-caching', 'warn'],
    ]);
    expect(warnings[1]?.summary).toMatch(/168 h/);
  });
});
