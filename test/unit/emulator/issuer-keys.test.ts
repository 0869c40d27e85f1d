import { beforeAll, describe, expect, it } from 'vitest';
import { createSigningKeys } from '../../../src/emulator/keys/signing-keys.ts';
import { createEndpointFixture, type Keys, makeKeys } from '../../support/emulator-endpoint.ts';

let keys: Keys;
beforeAll(async () => {
  keys = await makeKeys();
});

const hourMs = 3_600_000;

describe("an issuer's keys", () => {
  it('are fetched once for many requests at the same time', async () => {
    const { ask, fetched } = createEndpointFixture(keys);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(fetched).toEqual([
      'https://oidc.test/cluster/.well-known/openid-configuration',
      'https://oidc.test/cluster/openid/v1/jwks',
    ]);
  });

  it('are kept for an hour', async () => {
    const { ask, fetched, clock } = createEndpointFixture(keys);
    await ask();
    await clock.advance(hourMs);
    await ask();
    expect(fetched).toHaveLength(2);
    await clock.advance(1);
    await ask();
    expect(fetched).toHaveLength(4);
  });

  it('are fetched again for a key that is new', async () => {
    const issuer = await createSigningKeys();
    const { ask, fetched, mint } = createEndpointFixture({ ...keys, issuer });
    const old = await mint();
    await ask();
    await issuer.rotate();
    expect((await ask()).status).toBe(200);
    expect(fetched).toHaveLength(4);
    // The old key is published until it is retired.
    expect((await ask({ client_assertion: old })).status).toBe(200);
  });

  it('refuse a retired key as soon as they are fetched again', async () => {
    const issuer = await createSigningKeys();
    const { ask, mint, clock } = createEndpointFixture({ ...keys, issuer });
    const old = await mint({ lifetimeSeconds: 24 * 3600 });
    await ask();
    await issuer.rotate();
    issuer.retireOld();
    expect((await ask({ client_assertion: old })).status).toBe(200);
    await clock.advance(hourMs + 1);
    const { body } = await ask({ client_assertion: old });
    expect(body['error_codes']).toEqual([7000272]);
  });

  it('are asked for again after a failure', async () => {
    const { ask, setFetch } = createEndpointFixture(keys);
    setFetch(() => Promise.reject(new Error('ECONNRESET')));
    expect((await ask()).body['error_codes']).toEqual([90061]);
    setFetch(undefined);
    expect((await ask()).status).toBe(200);
  });

  it('are not asked for before a credential trusts the issuer', async () => {
    const { ask, mint, fetched } = createEndpointFixture(keys);
    await ask({ client_assertion: await mint({ issuer: 'https://attacker.test/' }) });
    expect(fetched).toEqual([]);
  });
});
