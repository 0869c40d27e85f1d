import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEntraExchange } from '../../../../src/proxy/entra/exchange/exchange.ts';
import type { Transport } from '../../../../src/proxy/entra/transport/transport.ts';
import type { ErrorCode } from '../../../../src/proxy/errors.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import {
  type Answer,
  authorityHost,
  clusterClaims,
  createRecordingLogger,
  createScenario,
  createScriptedTransport,
  drive,
  federatedTokenFile,
  jsonReply,
  makeAssertion,
  neverAborted,
  refusalReply,
  request,
  tokenReply,
} from '../support.ts';

const html = {
  status: 503,
  headers: { 'content-type': 'text/html' },
  text: '<html><body><h1>Service Unavailable</h1></body></html>',
};

function withCode(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

/** When each POST was made, counted from the first one. */
function postTimes({ transport: { posts } }: ReturnType<typeof createScenario>): number[] {
  return posts.map((post) => post.atMs - (posts[0]?.atMs ?? 0));
}

describe('a successful exchange', () => {
  it('presents the assertion for one scope under one correlation ID', async () => {
    const scenario = createScenario([tokenReply({ refresh_in: 43_199, ext_expires_in: 90_000 })]);
    const correlationId = '66666666-6666-6666-6666-666666666666';
    const result = await scenario.run({ correlationId, resource: 'https://storage.azure.com/' });
    expect(result).toEqual({
      status: 'fulfilled',
      value: {
        accessToken: 'an-access-token',
        expiresInSeconds: 86_399,
        extExpiresInSeconds: 90_000,
        refreshInSeconds: 43_199,
        elapsedMs: 0,
        assertionExpiresAtSeconds: clusterClaims.exp,
      },
    });
    const { form, url, headers } = scenario.transport.posts[0] ?? {};
    expect(Object.fromEntries(form ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      client_id: request.identity.clientId,
      scope: 'https://storage.azure.com//.default',
      client_assertion: scenario.file,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      'client-request-id': correlationId,
    });
    expect(url?.searchParams.get('client-request-id')).toBe(correlationId);
    expect(headers).toEqual({
      'Content-Type': 'application/x-www-form-urlencoded;charset=utf-8',
    });
    expect(scenario.clock.pendingTimers).toBe(0);
  });

  it('makes a correlation ID when the caller has none', async () => {
    const scenario = createScenario([tokenReply()]);
    await scenario.run();
    await scenario.run();
    const [first, second] = scenario.transport.posts.map(({ form }) =>
      form.get('client-request-id'),
    );
    expect(first).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/);
    expect(second).not.toBe(first);
  });

  it('says how long ago the successful attempt was sent', async () => {
    const clock = createManualClock();
    const slow = Promise.withResolvers<ReturnType<typeof tokenReply>>();
    let posts = 0;
    const exchange = createEntraExchange(
      {
        clock,
        logger: createRecordingLogger(),
        random: () => 0,
        readFile: async () => makeAssertion(),
        transport: {
          async post() {
            posts += 1;
            if (posts === 1) throw withCode('ECONNRESET');
            return slow.promise;
          },
        },
      },
      { authorityHost, federatedTokenFile },
    );
    const promise = exchange(request, neverAborted);
    await clock.advance(1_000);
    slow.resolve(tokenReply());
    // The first retry was sent after 400 ms.
    expect(await promise).toMatchObject({ elapsedMs: 600 });
  });

  it('vector 98: accepts an access token that is not a JWT', async () => {
    const result = await createScenario([tokenReply({ access_token: 'opaque' })]).run();
    expect(result).toMatchObject({ value: { accessToken: 'opaque' } });
  });

  it('reads the file for every exchange', async () => {
    const scenario = createScenario([tokenReply()]);
    await scenario.run();
    scenario.file = makeAssertion({ ...clusterClaims, jti: 'next' });
    await scenario.run();
    const presented = scenario.transport.posts.map(({ form }) => form.get('client_assertion'));
    expect(presented[1]).toBe(scenario.file);
    expect(presented[0]).not.toBe(scenario.file);
  });
});

describe('refusals', () => {
  it('T20, vector 80: a permanent one is final after 1 POST, with the error and text of Entra', async () => {
    const scenario = createScenario([refusalReply(700016, { error: 'unauthorized_client' })]);
    const result = await scenario.run();
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_REJECTED',
        details: {
          oauthError: 'unauthorized_client',
          description: expect.stringMatching(/^AADSTS700016: /),
          aadsts: 700_016,
        },
      },
    });
    expect(postTimes(scenario)).toEqual([0]);
  });

  it.each([70021, 700211, 700212, 700213, 70025])(
    'T19, vector 81: AADSTS%i is tried again, and the token of a later try taken',
    async (aadsts) => {
      const second = createScenario([refusalReply(aadsts), tokenReply()]);
      expect((await second.run()).status).toBe('fulfilled');
      expect(postTimes(second)).toEqual([0, 1_000]);
      const third = createScenario([refusalReply(aadsts), refusalReply(aadsts), tokenReply()]);
      expect((await third.run()).status).toBe('fulfilled');
      expect(postTimes(third)).toEqual([0, 1_000, 3_000]);
    },
  );

  it('T19, vector 82: its final answer comes within 5 s, with its text', async () => {
    const scenario = createScenario([refusalReply(70021)]);
    const startedAt = scenario.clock.monotonicMs();
    const result = await scenario.run();
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_REJECTED',
        details: { description: expect.stringMatching(/^AADSTS70021: /) },
      },
    });
    expect(postTimes(scenario)).toEqual([0, 1_000, 3_000]);
    expect(scenario.clock.monotonicMs() - startedAt).toBeLessThanOrEqual(5_000);
  });

  it('T19: a retry that hangs ends within the 5 s and leaves the refusal as the answer', async () => {
    const scenario = createScenario([refusalReply(700213), 'hang']);
    const startedAt = scenario.clock.monotonicMs();
    const result = await scenario.run();
    expect(result).toMatchObject({
      reason: { code: 'ERR_REJECTED', details: { aadsts: 700_213 } },
    });
    expect(scenario.clock.monotonicMs() - startedAt).toBeLessThanOrEqual(5_050);
    expect(postTimes(scenario)).toEqual([0, 1_000]);
  });

  it.each([700024, 50013, 700027])(
    'vector 83: AADSTS%i is tried again at once, but only with another assertion',
    async (aadsts) => {
      const same = createScenario([refusalReply(aadsts), tokenReply()]);
      expect((await same.run()).status).toBe('rejected');
      expect(postTimes(same)).toEqual([0]);

      const clock = createManualClock();
      const transport = createScriptedTransport(clock, [refusalReply(aadsts), tokenReply()]);
      const contents = [makeAssertion(), makeAssertion({ ...clusterClaims, jti: 'rotated' })];
      let reads = 0;
      const exchange = createEntraExchange(
        {
          clock,
          transport,
          logger: createRecordingLogger(),
          readFile: async () => contents[Math.min(reads++, 1)] ?? '',
        },
        { authorityHost, federatedTokenFile },
      );
      const result = await drive(clock, exchange(request, neverAborted));
      expect(result.status).toBe('fulfilled');
      expect(transport.posts.map(({ form }) => form.get('client_assertion'))).toEqual(contents);
      expect(transport.posts[1]?.atMs).toBe(transport.posts[0]?.atMs);
    },
  );

  it('tries with another assertion once', async () => {
    const clock = createManualClock();
    const transport = createScriptedTransport(clock, [refusalReply(700024)]);
    let reads = 0;
    const exchange = createEntraExchange(
      {
        clock,
        transport,
        logger: createRecordingLogger(),
        readFile: async () => makeAssertion({ ...clusterClaims, jti: String(reads++) }),
      },
      { authorityHost, federatedTokenFile },
    );
    await drive(clock, exchange(request, neverAborted));
    expect(transport.posts).toHaveLength(2);
  });

  it('never shows an error of Entra that is not a word', async () => {
    const scenario = createScenario([refusalReply(700016, { error: 'a b\n<script>' })]);
    expect(await scenario.run()).toMatchObject({
      reason: { details: { oauthError: 'invalid_request' } },
    });
  });
});

describe('throttling', () => {
  it('T21: waits exactly as long as Retry-After says, up to 5 s', async () => {
    const throttled = jsonReply(429, { error: 'x' }, { 'retry-after': '3' });
    const scenario = createScenario([throttled, throttled, tokenReply()]);
    expect((await scenario.run()).status).toBe('fulfilled');
    expect(postTimes(scenario)).toEqual([0, 3_000, 6_000]);
  });

  it('T21, vector 87: hands a longer one to the caller at once', async () => {
    const scenario = createScenario([jsonReply(429, { error: 'x' }, { 'retry-after': '17' })]);
    const startedAt = scenario.clock.monotonicMs();
    expect(await scenario.run()).toMatchObject({
      reason: { code: 'ERR_THROTTLED', details: { retryAfterSeconds: 17 } },
    });
    expect(postTimes(scenario)).toEqual([0]);
    expect(scenario.clock.monotonicMs()).toBe(startedAt);
  });

  it('T21: treats any 429 as throttling, also one that is not an OAuth error', async () => {
    const scenario = createScenario([{ ...html, status: 429 }]);
    expect(await scenario.run()).toMatchObject({ reason: { code: 'ERR_THROTTLED' } });
    expect(postTimes(scenario)).toEqual([0, 800, 2_400]);
  });

  it('asks for a minute of patience when Entra sees a loop', async () => {
    const scenario = createScenario([refusalReply(50196, {}, 400)]);
    expect(await scenario.run()).toMatchObject({
      reason: { code: 'ERR_THROTTLED', details: { retryAfterSeconds: 60 } },
    });
    expect(postTimes(scenario)).toEqual([0]);
  });
});

describe('faults of Entra and of the way to it', () => {
  it.each<[string, Answer, ErrorCode, number]>([
    ['vector 84: 503 with HTML', html, 'ERR_UNAVAILABLE', 4],
    [
      '500 with an OAuth error',
      refusalReply(123_456, { correlation_id: 'no GUID' }, 500),
      'ERR_UNAVAILABLE',
      4,
    ],
    [
      '400 temporarily_unavailable',
      jsonReply(400, { error: 'temporarily_unavailable' }),
      'ERR_UNAVAILABLE',
      4,
    ],
    ['vector 86: DNS', withCode('ENOTFOUND'), 'ERR_UNAVAILABLE', 4],
    ['vector 86: refused', withCode('ECONNREFUSED'), 'ERR_UNAVAILABLE', 4],
    [
      'vector 86: all addresses refused',
      new AggregateError([withCode('ECONNREFUSED')]),
      'ERR_UNAVAILABLE',
      4,
    ],
    ['vector 86: unknown CA', withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'ERR_UNAVAILABLE', 1],
    ['vector 86: expired certificate', withCode('CERT_HAS_EXPIRED'), 'ERR_UNAVAILABLE', 1],
    ['vector 86: wrong name', withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'ERR_UNAVAILABLE', 1],
    ['a reset', withCode('ECONNRESET'), 'ERR_UNAVAILABLE', 4],
    ['a connect timeout', withCode('UND_ERR_CONNECT_TIMEOUT'), 'ERR_TIMEOUT', 4],
    ['something unforeseen', new TypeError('x is not a function'), 'ERR_UNAVAILABLE', 4],
    [
      'vector 89: 200 with half an answer',
      { ...html, status: 200, text: '{"access_tok' },
      'ERR_UNAVAILABLE',
      4,
    ],
    [
      'vector 89: 200 without access_token',
      jsonReply(200, { token_type: 'Bearer' }),
      'ERR_UNAVAILABLE',
      4,
    ],
    ['T18: 200 with nothing', { ...html, status: 200, text: '' }, 'ERR_UNAVAILABLE', 4],
    ['T18: {}', jsonReply(500, {}), 'ERR_UNAVAILABLE', 4],
    [
      'T18: a Kubernetes Status',
      jsonReply(403, { kind: 'Status', code: 403 }),
      'ERR_UNAVAILABLE',
      1,
    ],
    ['T18: a page of a firewall', { ...html, status: 403 }, 'ERR_UNAVAILABLE', 1],
    ['a redirect', { ...html, status: 302 }, 'ERR_UNAVAILABLE', 1],
  ])('%s', async (_name, answer, code, posts) => {
    const scenario = createScenario([answer]);
    const result = await scenario.run();
    expect(result).toMatchObject({
      reason: {
        code,
        details: {
          description: expect.stringMatching(/./),
          correlationId: scenario.transport.posts[0]?.form.get('client-request-id'),
          assertionExpiresAtSeconds: clusterClaims.exp,
        },
      },
    });
    expect(scenario.transport.posts).toHaveLength(posts);
    expect(JSON.stringify(result)).not.toMatch(/unreachable|Identity not found/);
  });

  it('tells the client the host and the code of a fault, not the addresses', async () => {
    const fault = withCode('ECONNREFUSED', 'connect ECONNREFUSED 10.1.2.3:443');
    const { reason } = (await createScenario([fault]).run()) as PromiseRejectedResult;
    expect(reason.details.description).toBe(
      'The connection to login.microsoftonline.com failed (ECONNREFUSED).',
    );
    expect(JSON.stringify(reason.details)).not.toContain('10.1.2.3');
    expect(reason.message).toContain('10.1.2.3');
  });

  it.each([500, 1_000, 1_500, 2_000, 2_700, 3_400])('bridges a fault of %i ms', async (faultMs) => {
    const clock = createManualClock();
    const startedAt = clock.monotonicMs();
    const exchange = createEntraExchange(
      {
        clock,
        logger: createRecordingLogger(),
        readFile: async () => makeAssertion(),
        transport: {
          post: async () => (clock.monotonicMs() - startedAt < faultMs ? html : tokenReply()),
        },
      },
      { authorityHost, federatedTokenFile },
    );
    expect((await drive(clock, exchange(request, neverAborted))).status).toBe('fulfilled');
    expect(clock.monotonicMs() - startedAt).toBeLessThan(4_000);
  });

  it('heeds the Retry-After of a 503', async () => {
    const soon = createScenario([{ ...html, headers: { 'retry-after': '2' } }, tokenReply()]);
    expect((await soon.run()).status).toBe('fulfilled');
    expect(postTimes(soon)).toEqual([0, 2_000]);
    const late = createScenario([{ ...html, headers: { 'retry-after': '60' } }]);
    expect(await late.run()).toMatchObject({
      reason: { code: 'ERR_UNAVAILABLE', details: { retryAfterSeconds: 60 } },
    });
    expect(postTimes(late)).toEqual([0]);
  });

  it('T18: ends in a token or a ProxyError, whatever Entra answers', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant('x'.repeat(2 * 1_024 * 1_024)),
      fc.constant(`{"access_token":"${'x'.repeat(2 * 1_024 * 1_024)}"`),
      fc.constant('['.repeat(1_024 * 1_024)),
      fc.constantFrom('', 'null', '[]', '""', '{}', '{"error":null}', '{"error":{"code":"x"}}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), text, async (status, given) => {
        const result = await createScenario([{ status, headers: {}, text: given }]).run();
        if (result.status === 'fulfilled') {
          expect(result.value.accessToken).not.toBe('');
          expect(result.value.expiresInSeconds).toBeGreaterThan(0);
          return;
        }
        expect(result.reason.code).toMatch(
          /^ERR_(REJECTED|THROTTLED|UNAVAILABLE|ASSERTION|INTERNAL)$/,
        );
        expect(result.reason.message.length).toBeLessThan(3_000);
        expect(JSON.stringify(result.reason.details).length).toBeLessThan(6_000);
      }),
      { numRuns: 40 },
    );
  });
});

describe('T22: budgets', () => {
  it('vector 85: ends attempts that hang after 10 s each and the exchange before 25 s', async () => {
    const scenario = createScenario(['hang']);
    const startedAt = scenario.clock.monotonicMs();
    const result = await scenario.run();
    expect(result).toMatchObject({
      reason: { code: 'ERR_TIMEOUT', details: { description: expect.stringMatching(/no answer/) } },
    });
    expect(postTimes(scenario)).toEqual([0, 10_400, 21_400]);
    expect(scenario.clock.monotonicMs() - startedAt).toBeLessThanOrEqual(24_050);
    expect(scenario.transport.posts.every(({ signal }) => signal.aborted)).toBe(true);
    expect(scenario.clock.pendingTimers).toBe(0);
  });

  it('takes the token of an attempt after one that hung', async () => {
    const scenario = createScenario(['hang', tokenReply()]);
    expect((await scenario.run()).status).toBe('fulfilled');
  });

  it('ends when the file hangs as well', async () => {
    const clock = createManualClock();
    const startedAt = clock.monotonicMs();
    let reads = 0;
    const exchange = createEntraExchange(
      {
        clock,
        logger: createRecordingLogger(),
        transport: createScriptedTransport(clock, ['hang']),
        readFile: () => (reads++ === 0 ? Promise.resolve(makeAssertion()) : new Promise(() => {})),
      },
      { authorityHost, federatedTokenFile },
    );
    const result = await drive(clock, exchange(request, neverAborted));
    expect(result).toMatchObject({ reason: { code: 'ERR_ASSERTION' } });
    expect(clock.monotonicMs() - startedAt).toBeLessThan(25_000);
  });

  it('lets exchanges of different keys go their own ways', async () => {
    const clock = createManualClock();
    const logger = createRecordingLogger();
    const exchange = createEntraExchange(
      {
        clock,
        logger,
        readFile: async () => makeAssertion(),
        transport: {
          post: (_url, _headers, body) =>
            body.includes('slow') ? new Promise(() => {}) : Promise.resolve(tokenReply()),
        },
      },
      { authorityHost, federatedTokenFile },
    );
    const controller = new AbortController();
    const slow = exchange({ ...request, resource: 'slow' }, controller.signal);
    await clock.advance(0);
    const fast = await drive(clock, exchange({ ...request, resource: 'fast' }, neverAborted));
    expect(fast).toMatchObject({ status: 'fulfilled', value: { elapsedMs: 0 } });
    controller.abort();
    await expect(slow).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the end by the caller', () => {
  it.each([
    ['before the first attempt', ['hang'], 0],
    ['during an attempt', ['hang'], 5_000],
    ['between two attempts', [html], 200],
  ] as const)('%s is an end at once, without a warning', async (_name, answers, afterMs) => {
    const clock = createManualClock();
    const logger = createRecordingLogger();
    const transport = createScriptedTransport(clock, answers);
    const exchange = createEntraExchange(
      { clock, logger, transport, readFile: async () => makeAssertion() },
      { authorityHost, federatedTokenFile },
    );
    const caller = new AbortController();
    const promise = exchange(request, caller.signal);
    const failed = expect(promise).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
    if (afterMs > 0) await clock.advance(afterMs);
    caller.abort(new Error('gone'));
    await failed;
    expect(clock.pendingTimers).toBe(0);
    expect(logger.lines.some(({ level }) => level === 'warning')).toBe(false);
  });
});

describe('requests that are refused without asking Entra', () => {
  it('T11: a resource that is not a single word', async () => {
    const scenario = createScenario([tokenReply()]);
    expect(await scenario.run({ resource: 'https://a b' })).toMatchObject({
      reason: { code: 'ERR_RESOURCE_INVALID' },
    });
    expect(scenario.transport.posts).toHaveLength(0);
  });

  it('T12: an assertion that cannot be presented', async () => {
    const scenario = createScenario([tokenReply()]);
    scenario.file = '';
    expect(await scenario.run()).toMatchObject({ reason: { code: 'ERR_ASSERTION' } });
    expect(scenario.transport.posts).toHaveLength(0);
  });

  it('what MSAL does not take is our fault and no token', async () => {
    const identity = { ...request.identity, tenantId: 'common' };
    const scenario = createScenario([tokenReply()]);
    expect(await scenario.run({ identity })).toMatchObject({
      reason: { code: 'ERR_INTERNAL', message: expect.stringMatching(/missing_tenant_id/) },
    });
    expect(scenario.transport.posts).toHaveLength(0);
  });
});

describe('a jump of the wall clock during an exchange', () => {
  it.each([
    ['a day forward', 86_400_000],
    ['ten years forward', 315_360_000_000],
    ['a day back', -86_400_000],
  ])('by %s leaves the token with the life that Entra gave it', async (_name, jumpMs) => {
    const clock = createManualClock();
    const transport: Transport = {
      async post() {
        await clock.advance(300);
        clock.jumpEpoch(jumpMs);
        return tokenReply({ expires_in: 3_599, refresh_in: 1_800 });
      },
    };
    const exchange = createEntraExchange(
      { clock, logger: createRecordingLogger(), transport, readFile: async () => makeAssertion() },
      { authorityHost, federatedTokenFile },
    );
    expect(await exchange(request, neverAborted)).toMatchObject({
      accessToken: 'an-access-token',
      expiresInSeconds: 3_599,
      extExpiresInSeconds: 86_399,
      refreshInSeconds: 1_800,
      elapsedMs: 300,
    });
  });
});

describe('the log', () => {
  it('has a debug line for each attempt and one for an exchange that failed', async () => {
    const scenario = createScenario([refusalReply(700213)]);
    await scenario.run();
    const lines = scenario.logger.lines.filter(({ level }) => level !== 'trace');
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug', 'debug']);
    const correlationId = scenario.transport.posts[0]?.form.get('client-request-id');
    expect(lines[1]?.fields).toEqual({
      attempt: 2,
      duration_ms: 0,
      authority: authorityHost,
      correlation_id: correlationId,
      error_code: 'ERR_REJECTED',
      aadsts: 700_213,
      trace_id: '44444444-4444-4444-4444-444444444444',
    });
    expect(lines[3]?.message).toMatch(/^exchange failed: .*AADSTS700213: /);
    expect(lines[3]?.fields).toEqual({
      error_code: 'ERR_REJECTED',
      aadsts: 700_213,
      correlation_id: '55555555-5555-5555-5555-555555555555',
      trace_id: '44444444-4444-4444-4444-444444444444',
      attempts: 3,
      client_id: request.identity.clientId,
      resource: request.resource,
      hint: expect.stringMatching(/az identity federated-credential create/),
      remedy: expect.stringMatching(/^az identity federated-credential create [^"\\]*$/),
    });
  });

  it('logs no warning when a later attempt succeeds', async () => {
    const scenario = createScenario([html, tokenReply()]);
    await scenario.run();
    expect(scenario.logger.lines.filter(({ level }) => level === 'debug')).toHaveLength(2);
    expect(scenario.logger.lines.filter(({ level }) => level === 'warning')).toHaveLength(0);
  });

  it('says how an answer starts that is not from Entra, and tells the client nothing of it', async () => {
    const scenario = createScenario([{ ...html, status: 403, text: `<h1>Blocked by ACME</h1>` }]);
    const { reason } = (await scenario.run()) as PromiseRejectedResult;
    expect(scenario.logger.lines.at(-1)?.message).toContain('Blocked by ACME');
    expect(JSON.stringify(reason.details)).not.toContain('ACME');
  });
});
