import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAssertion } from '../../../../src/proxy/entra/exchange/assertion.ts';
import { createAssertionReader } from '../../../../src/proxy/entra/exchange/federated-token.ts';
import { ProxyError } from '../../../../src/proxy/errors.ts';
import { readSmallFile } from '../../../../src/shared/small-file.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { clusterClaims, drive, makeAssertion, neverAborted } from '../support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'federated-token-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Reads with a clock that moves only while nothing is being read, so that no deadline is met by accident. */
async function readFrom(
  path: string,
  whileWaiting: (round: number) => Promise<void> = async () => {},
) {
  const clock = createManualClock();
  let reads = 0;
  let isReading = false;
  const read = createAssertionReader(
    {
      clock,
      async readFile(given) {
        reads += 1;
        isReading = true;
        try {
          return await readSmallFile(given, 64 * 1_024);
        } finally {
          isReading = false;
        }
      },
    },
    { path },
  );
  const promise = read(neverAborted);
  let isSettled = false;
  void Promise.allSettled([promise]).then(() => {
    isSettled = true;
  });
  const startedAt = clock.monotonicMs();
  while (!isSettled) {
    if (!isReading) await whileWaiting(reads);
    await clock.advance(isReading ? 0 : 50);
  }
  const [result] = await Promise.allSettled([promise]);
  return { result, reads, tookMs: clock.monotonicMs() - startedAt };
}

async function expectFault(
  path: string,
  is: RegExp,
  hint: RegExp,
  reads: number,
): Promise<ProxyError> {
  const outcome = await readFrom(path);
  const error = outcome.result.status === 'rejected' ? outcome.result.reason : undefined;
  expect(error).toBeInstanceOf(ProxyError);
  const { code, message, details } = error as ProxyError;
  expect(code).toBe('ERR_ASSERTION');
  expect(message).toMatch(is);
  expect(details.description).toContain('AZURE_FEDERATED_TOKEN_FILE');
  expect(details.description).toContain(path);
  expect(details.hint).toMatch(hint);
  expect(outcome.reads).toBe(reads);
  return error as ProxyError;
}

describe('T12: the ServiceAccount token file', () => {
  it('is read anew each time, trimmed, through the symlinks of the kubelet', async () => {
    const token = join(folder, 'token');
    await mkdir(join(folder, '..1'));
    await writeFile(
      join(folder, '..1', 'token'),
      ` \n${makeAssertion({ ...clusterClaims, sub: 'a' })}\r\n`,
    );
    await symlink('..1', join(folder, '..data'));
    await symlink('..data/token', token);
    const first = await readFrom(token);
    expect(first.result).toMatchObject({ value: { claims: { subject: 'a' } } });

    await mkdir(join(folder, '..2'));
    await writeFile(join(folder, '..2', 'token'), makeAssertion({ ...clusterClaims, sub: 'b' }));
    await symlink('..2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    const second = await readFrom(token);
    expect(second.result).toMatchObject({ value: { claims: { subject: 'b' } } });
  });

  it('yields its claims', async () => {
    const token = join(folder, 'token');
    const text = makeAssertion();
    await writeFile(token, text);
    const { result, tookMs } = await readFrom(token);
    expect(result).toEqual({
      status: 'fulfilled',
      value: {
        text,
        claims: {
          issuer: clusterClaims.iss,
          subject: clusterClaims.sub,
          audiences: clusterClaims.aud,
          expiresAtSeconds: clusterClaims.exp,
        },
      },
    });
    expect(tookMs).toBe(0);
  });

  it('vector 90: that is missing is waited for, for less than a second', async () => {
    const token = join(folder, 'token');
    const { result, reads } = await readFrom(token, async (round) => {
      if (round === 1) await writeFile(token, makeAssertion());
    });
    expect(result.status).toBe('fulfilled');
    expect(reads).toBe(2);
    await rm(token);
    await expectFault(token, /does not exist/, /Mount a projected ServiceAccount token/, 3);
    const missing = await readFrom(join(folder, 'no', 'such', 'folder'));
    expect(missing.tookMs).toBeLessThan(1_000);
  });

  it('vector 91: that is empty is named by its variable', async () => {
    const token = join(folder, 'token');
    await writeFile(token, ' \n');
    await expectFault(token, /is empty/, /events of the pod/, 3);
  });

  it('that is a directory is refused at once', async () => {
    await expectFault(
      `${folder}/`,
      /is a directory/,
      new RegExp(`${folder}/azure-identity-token`),
      1,
    );
  });

  it('that is a named pipe is refused at once and holds no thread', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expectFault(pipe, /neither a file nor a directory/, /not a pipe/, 1);
  });

  it('that is too large is refused at once', async () => {
    const token = join(folder, 'token');
    await writeFile(token, 'a'.repeat(64 * 1_024 + 1));
    await expectFault(token, /more than 64 KiB/, /names another file/, 1);
  });

  it('that holds something else never has its content told', async () => {
    const token = join(folder, 'token');
    const secret = 'cGFzc3dvcmQ6aHVudGVyMg';
    for (const content of [
      secret,
      `${secret}.${secret}`,
      `${secret}.${secret}.${secret}`,
      `{"a":"${secret}"}`,
    ]) {
      await writeFile(token, content);
      const error = await expectFault(token, /does not hold a ServiceAccount token/, /Mount/, 3);
      expect(JSON.stringify([error.message, error.details])).not.toContain(secret);
    }
  });

  it.each([
    ['EACCES', /may not be read by this process \(EACCES\)/, /fsGroup/],
    ['EIO', /cannot be read \(EIO\)/, /Mount/],
  ])('that cannot be read (%s) is refused with the remedy', async (code, is, hint) => {
    const clock = createManualClock();
    const readFile = () => Promise.reject(Object.assign(new Error('secret path'), { code }));
    const result = await drive(
      clock,
      createAssertionReader({ clock, readFile }, { path: '/token' })(neverAborted),
    );
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_ASSERTION',
        message: expect.stringMatching(is),
        details: { hint: expect.stringMatching(hint) },
      },
    });
  });

  it('that cannot be read to its end is given up after 2 s', async () => {
    const clock = createManualClock();
    const startedAt = clock.monotonicMs();
    const read = createAssertionReader(
      { clock, readFile: () => new Promise(() => {}) },
      { path: '/token' },
    );
    const result = await drive(clock, read(neverAborted));
    expect(result).toMatchObject({
      reason: { code: 'ERR_ASSERTION', message: expect.stringMatching(/not be read in time/) },
    });
    expect(clock.monotonicMs() - startedAt).toBe(2_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends with the abort of its caller, also between two reads', async () => {
    const clock = createManualClock();
    const caller = new AbortController();
    const read = createAssertionReader({ clock, readFile: async () => '' }, { path: '/token' });
    const reading = read(caller.signal);
    await clock.advance(100);
    caller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the claims of the assertion', () => {
  const clock = createManualClock();
  const nowSeconds = clock.epochMs() / 1_000;
  const readText = (...texts: string[]) => {
    let reads = 0;
    const readFile = async () => texts[Math.min(reads++, texts.length - 1)] ?? '';
    return drive(
      clock,
      createAssertionReader({ clock, readFile }, { path: '/token' })(neverAborted),
    );
  };

  it('an expired one is read again, and taken when the kubelet has renewed it', async () => {
    const expired = makeAssertion({ ...clusterClaims, exp: nowSeconds - 60 });
    const result = await readText(expired, expired, makeAssertion());
    expect(result).toMatchObject({ value: { claims: { expiresAtSeconds: clusterClaims.exp } } });
  });

  it('one that stays expired is refused with its end and the clock', async () => {
    const expired = makeAssertion({ ...clusterClaims, exp: nowSeconds - 3_600 });
    const result = await readText(expired);
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_ASSERTION',
        message: expect.stringMatching(/AZURE_FEDERATED_TOKEN_FILE .* expired 60 min ago/),
        details: {
          hint: expect.stringMatching(/2026-01-01T.*NTP/),
          assertionExpiresAtSeconds: nowSeconds - 3_600,
        },
      },
    });
    expect(JSON.stringify(result)).not.toContain(expired.split('.')[1]);
  });

  it('the audience of identity binding is refused at once with the reason', async () => {
    const startedAt = clock.monotonicMs();
    for (const aud of ['api://AKSIdentityBinding', ['api://AKSIdentityBinding']]) {
      const result = await readText(makeAssertion({ ...clusterClaims, aud }));
      expect(result).toMatchObject({
        reason: {
          code: 'ERR_ASSERTION',
          message: expect.stringMatching(/api:\/\/AKSIdentityBinding.*AADSTS700212/),
          details: { hint: expect.stringMatching(/use-identity-binding/) },
        },
      });
    }
    expect(clock.monotonicMs()).toBe(startedAt);
  });

  it('the audience of identity binding, for an identity that alone is federated, wants a tokenFile', async () => {
    const text = makeAssertion({ ...clusterClaims, aud: 'api://AKSIdentityBinding' });
    const readAssertion = createAssertionReader(
      { clock, readFile: async () => text },
      { path: '/token', mode: 'federation', usualMode: 'binding' },
    );
    await expect(readAssertion(neverAborted)).rejects.toMatchObject({
      code: 'ERR_ASSERTION',
      details: { hint: expect.stringMatching(/tokenFile .*api:\/\/AzureADTokenExchange/) },
    });
  });

  it.each([
    ['another audience', { aud: 'api://AzureADTokenExchangeUSGov' }],
    ['several audiences', { aud: ['api://AKSIdentityBinding', 'api://AzureADTokenExchange'] }],
    ['no audience', { aud: undefined }],
    ['no end', { exp: undefined }],
    ['an end that is not a number', { exp: 'never' }],
  ])('%s is for Entra to judge', async (_name, claims) => {
    const result = await readText(makeAssertion({ ...clusterClaims, ...claims }));
    expect(result.status).toBe('fulfilled');
  });

  it('never throws, whatever the text', () => {
    const part = fc.oneof(
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.string(),
      fc.base64String(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const assertion = parseAssertion(parts.join('.'));
        if (assertion === undefined) return;
        expect(assertion.text.split('.')).toHaveLength(3);
        expect(Array.isArray(assertion.claims.audiences)).toBe(true);
      }),
    );
  });
});
