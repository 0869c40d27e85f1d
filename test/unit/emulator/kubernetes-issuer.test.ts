import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createSigningKeys, type SigningKeys } from '../../../src/emulator/keys/signing-keys.ts';
import { createKubernetesIssuer } from '../../../src/emulator/kubernetes-issuer/kubernetes-issuer.ts';
import { createManualClock } from '../../support/manual-clock.ts';

let keys: SigningKeys;
beforeAll(async () => {
  keys = await createSigningKeys();
});

const clock = createManualClock();
const nowSeconds = clock.epochMs() / 1000;
const request = {
  serviceAccount: { namespace: 'shop', name: 'cart' },
  audiences: ['api://AzureADTokenExchange'],
  lifetimeSeconds: 3600,
};

describe('a Kubernetes token issuer', () => {
  it('mints tokens that look like projected ones', async () => {
    const issuer = createKubernetesIssuer({ clock, keys }, { url: 'https://oidc.test/' });
    const token = await issuer.mint(request);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', kid: keys.currentKid });
    expect(decodeJwt(token)).toEqual({
      aud: ['api://AzureADTokenExchange'],
      exp: nowSeconds + 3600,
      iat: nowSeconds,
      iss: 'https://oidc.test/',
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'kubernetes.io': {
        namespace: 'shop',
        node: { name: 'emulated-node', uid: expect.any(String) },
        pod: { name: 'cart-pod', uid: expect.any(String) },
        serviceaccount: { name: 'cart', uid: expect.any(String) },
      },
      nbf: nowSeconds,
      sub: 'system:serviceaccount:shop:cart',
    });
  });

  it('issues a token with the claims it is given', async () => {
    const issuer = createKubernetesIssuer({ clock, keys }, { url: 'https://oidc.test/' });
    const token = await issuer.mint({
      ...request,
      issuer: 'https://elsewhere.test',
      subject: 'somebody',
      audiences: ['a', 'b'],
      lifetimeSeconds: 10,
      ageSeconds: 60,
      claims: { jti: undefined, extra: 1 },
    });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: 'https://elsewhere.test',
      sub: 'somebody',
      aud: ['a', 'b'],
      iat: nowSeconds - 60,
      nbf: nowSeconds - 60,
      exp: nowSeconds - 50,
      extra: 1,
    });
    expect(claims).not.toHaveProperty('jti');
  });

  it.each([
    ['https://oidc.test', 'https://oidc.test'],
    ['https://oidc.test/', 'https://oidc.test'],
    ['https://oidc.test/a/b/', 'https://oidc.test/a/b'],
  ])('publishes its documents below %s', async (url, base) => {
    const issuer = createKubernetesIssuer({ clock, keys }, { url });
    const discovery = issuer.document(`${base}/.well-known/openid-configuration`);
    expect(discovery).toEqual({
      issuer: url,
      jwks_uri: `${base}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    });
    const jwks = issuer.document(`${base}/openid/v1/jwks`) as JSONWebKeySet;
    const token = await issuer.mint(request);
    const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
      currentDate: new Date(clock.epochMs()),
    });
    expect(payload.iss).toBe(url);
    expect(issuer.document(`${base}/openid/v1/keys`)).toBeUndefined();
  });

  it.each([
    'http://oidc.test/',
    'oidc.test',
    '',
    'https://u@oidc.test/',
    'https://oidc.test/?a=b',
    'https://oidc.test/#a',
  ])('is not named "%s"', (url) => {
    expect(() => createKubernetesIssuer({ clock, keys }, { url })).toThrow(
      "the issuer's URL must be https, without user, query and fragment",
    );
  });
});
