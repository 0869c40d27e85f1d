import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { inspectAssertion } from '../../../../src/proxy/entra/exchange/federated-token.ts';
import type { ExchangeMode } from '../../../../src/proxy/entra/settings.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { clusterClaims, makeAssertion } from '../support.ts';

const clock = createManualClock();
const nowSeconds = Math.floor(clock.epochMs() / 1_000);

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'inspect-assertion-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function write(text: string): string {
  const path = join(makeFolder(), 'token');
  writeFileSync(path, text);
  return path;
}

const inspectAll = (path: string, mode: ExchangeMode = 'federation') =>
  inspectAssertion({ clock }, { path, mode });

/** Without the times of the token. */
const inspect = async (path: string, mode?: ExchangeMode) => {
  const { fault, doubt } = await inspectAll(path, mode);
  return { fault, doubt };
};

const claimsWith = (claims: object): string => makeAssertion({ ...clusterClaims, ...claims });

describe('a token file', () => {
  test('that an exchange can use has nothing wrong with it', async () => {
    expect(await inspect(write(` ${makeAssertion()}\n`))).toEqual({});
  });

  test.each([
    ['an empty file', () => write(' \n'), 'is empty'],
    ['no file', () => join(makeFolder(), 'none'), 'does not exist'],
    ['a directory', makeFolder, 'is a directory'],
    ['a device', () => '/dev/null', 'is neither a file nor a directory'],
    ['an endless file', () => '/proc/self/pagemap', 'has more than 64 KiB'],
    [
      'a pipe that nobody writes to',
      () => {
        const path = join(makeFolder(), 'pipe');
        execFileSync('mkfifo', [path]);
        return path;
      },
      'is neither a file nor a directory',
    ],
    [
      'a huge file',
      () => {
        const path = write('x');
        truncateSync(path, 1_000_000_000);
        return path;
      },
      'has more than 64 KiB',
    ],
    ['garbage', () => write('garbage'), /^does not hold a ServiceAccount token/],
    ['two parts', () => write('a.b'), /^does not hold a ServiceAccount token/],
    ['a payload that is not JSON', () => write('a.b.c'), /^does not hold a ServiceAccount token/],
  ])('%s is a fault', async (_, make, is) => {
    expect(await inspect(make())).toEqual({ fault: expect.stringMatching(is) });
  });

  test.each([
    ['expired a second ago', { exp: nowSeconds - 1 }, /expired 1 s ago$/],
    ['expires now', { exp: nowSeconds }, /expired 0 s ago$/],
    ['expires in a second', { exp: nowSeconds + 1 }, undefined],
    ['is valid from now on', { nbf: nowSeconds }, undefined],
    ['is valid in 5 min, as clocks may differ', { nbf: nowSeconds + 300 }, undefined],
    ['is valid later', { nbf: nowSeconds + 301 }, /not valid for another 5 min$/],
    ['is valid tomorrow', { nbf: nowSeconds + 86_400 }, /not valid for another 1440 min$/],
  ])('whose token %s', async (_, claims, fault) => {
    expect(await inspect(write(claimsWith(claims)))).toEqual(
      fault === undefined ? {} : { fault: expect.stringMatching(fault) },
    );
  });

  test.each([
    ['that can be used', { exp: nowSeconds + 60 }],
    ['that has expired', { exp: nowSeconds - 60 }],
    ['of another audience', { exp: nowSeconds + 60, aud: ['api://AKSIdentityBinding'] }],
    ['of an unusual audience', { exp: nowSeconds + 60, aud: ['api://my-own'] }],
  ])('with a token %s says when it was issued and expires', async (_, claims) => {
    const path = write(claimsWith({ iat: nowSeconds - 3_540.5, ...claims }));
    expect(await inspectAll(path)).toMatchObject({
      issuedAtSeconds: nowSeconds - 3_541,
      expiresAtSeconds: claims.exp,
    });
  });

  test.each([
    ['text', { iat: '1', exp: '2' }],
    ['nothing', { iat: undefined, exp: undefined }],
  ])('whose token has %s for its times has none', async (_, claims) => {
    expect(await inspectAll(write(claimsWith(claims)))).toEqual({});
  });

  const other = { doubt: expect.stringMatching(/for another audience than api:/) };
  const forApiServer = { fault: expect.stringMatching(/for the cluster's API server$/) };
  test.each<[ExchangeMode, readonly string[] | undefined, object]>([
    ['federation', ['api://AzureADTokenExchange'], {}],
    ['federation', ['api://AzureADTokenExchangeChina'], {}],
    ['federation', ['api://AzureADTokenExchange', 'https://kubernetes.default.svc'], {}],
    ['federation', ['https://kubernetes.default.svc'], forApiServer],
    ['federation', ['https://kubernetes.default.svc.cluster.local'], forApiServer],
    ['federation', [clusterClaims.iss], forApiServer],
    ['federation', ['api://my-own'], other],
    ['federation', ['https://kubernetes.defaults.example'], other],
    ['federation', undefined, { fault: expect.stringMatching(/without an audience/) }],
    ['federation', ['api://AKSIdentityBinding'], { fault: expect.stringMatching(/AADSTS700211/) }],
    ['binding', ['api://AKSIdentityBinding'], {}],
    ['binding', ['api://AzureADTokenExchange'], { fault: expect.stringMatching(/refuses$/) }],
    ['binding', ['https://kubernetes.default.svc'], other],
    ['binding', undefined, { fault: expect.stringMatching(/without an audience/) }],
  ])('used for %s, with the audience %j', async (mode, aud, expected) => {
    expect(await inspect(write(claimsWith({ aud })), mode)).toEqual(expected);
  });
});
