/** Each promise of `npm run chaos:real` is held: an event that breaks it is found, and one just within it is not. */
import { describe, expect, test } from 'vitest';
import { createRealClocks } from '../../../../chaos/real/clocks.ts';
import { findOverlap, type Post } from '../../../../chaos/real/posts.ts';
import { RealWatch, type Reply } from '../../../../chaos/real/watch.ts';

const resource = 'https://a.example';
const client = 'client-a';
const key = `${client} ${resource}`;
const refused: Reply = { kind: 'answer', status: 503, body: '' };
const silent: Reply = { kind: 'none', error: 'ECONNRESET' };

function toReply({ lifeS = 3_600, aud = resource, appid = client, nowMs = 0, serial = 0 }): Reply {
  const claims = { aud, appid, exp: Math.floor(nowMs / 1_000) + lifeS, serial };
  const text = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  return { kind: 'answer', status: 200, body: JSON.stringify({ access_token: text }) };
}

function createWatch() {
  let nowMs = 0;
  const clocks = createRealClocks({ epochMs: () => nowMs, monotonicMs: () => nowMs });
  let stalledMs = 0;
  const stalls = {
    add(ms: number) {
      stalledMs += ms;
    },
    get totalMs() {
      return stalledMs;
    },
    stop() {},
  };
  const watch = new RealWatch({ clocks, stalls, during: () => 'entra/hangs' });
  watch.processStarted();
  const asks = (
    reply: Reply,
    tookMs = 0,
    kind: { bypassCache?: boolean; isCrowd?: boolean } = {},
  ) => {
    const ask = watch.ask(resource, client, kind);
    nowMs += tookMs;
    watch.answered(ask, reply);
  };
  return {
    watch,
    clocks,
    stalls,
    asks,
    pass(ms: number) {
      nowMs += ms;
    },
    token: (options = {}) => toReply({ nowMs, ...options }),
  };
}

describe('a caller', () => {
  test.each([
    [34_999, undefined],
    [35_001, 'waited 35001 ms'],
  ])('without a token may have waited %i ms for an answer', (ms, breach) => {
    const { watch, asks } = createWatch();
    asks(refused, ms);
    if (breach === undefined) expect(watch.breach).toBeUndefined();
    else expect(watch.breach).toContain(breach);
  });

  test.each([
    [4_999, undefined],
    [5_001, 'waited 5001 ms with a live token'],
  ])('with a live token may have waited %i ms', (ms, breach) => {
    const { watch, asks, token } = createWatch();
    asks(token());
    asks(token(), ms);
    if (breach === undefined) expect(watch.breach).toBeUndefined();
    else expect(watch.breach).toContain(breach);
  });

  test('has not waited while nobody could run', () => {
    const { watch, asks, stalls, token } = createWatch();
    asks(token());
    const ask = watch.ask(resource, client);
    stalls.add(60_000);
    watch.answered(ask, token());
    asks(token(), 4_000);
    expect(watch.breach).toBeUndefined();
  });

  test.each([refused, silent])('with a live token gets it, and not %j', (reply) => {
    const { watch, asks, token } = createWatch();
    asks(token());
    asks(reply);
    expect(watch.breach).toContain('with a live token');
  });

  test('always gets an answer', () => {
    const { watch, asks } = createWatch();
    asks(silent);
    expect(watch.breach).toBe(`${resource} got no answer: ECONNRESET (during: entra/hangs)`);
  });

  test('of a process that is being ended may get anything', () => {
    const { watch, asks, token } = createWatch();
    asks(token());
    watch.processStops();
    asks(silent);
    watch.processStarted();
    asks(refused);
    expect(watch.breach).toBeUndefined();
  });

  test('may get an error when its token has aged by a step of the clock, or a newer one was wanted', () => {
    const { watch, asks, clocks, token } = createWatch();
    asks(token());
    asks(refused, 0, { bypassCache: true });
    clocks.correct(3_300_000);
    asks(refused);
    expect(watch.breach).toBeUndefined();
  });

  test('whose first token comes after a crowd has no seat', () => {
    const { watch, asks, token } = createWatch();
    asks(token(), 0, { isCrowd: true });
    asks(refused);
    expect(watch.breach).toBeUndefined();
  });
});

describe('a token', () => {
  test.each([{ aud: 'https://b.example' }, { appid: 'client-b' }])(
    'is for who asked: %j',
    (claims) => {
      const { watch, asks, token } = createWatch();
      asks(token(claims));
      expect(watch.breach).toContain('got a token of');
    },
  );

  test.each([
    [29, undefined],
    [28, 'with 28000 ms of life'],
  ])('that was served before has %i s of life', (leftS, breach) => {
    const { watch, asks, token, pass } = createWatch();
    const served = token({ lifeS: 100 });
    asks(served);
    pass((100 - leftS) * 1_000);
    asks(served);
    if (breach === undefined) expect(watch.breach).toBeUndefined();
    else expect(watch.breach).toContain(breach);
  });

  test('has expired in a suspension', () => {
    const { watch, asks, clocks, token, pass } = createWatch();
    const served = token({ lifeS: 500 });
    asks(served);
    pass(1);
    clocks.suspend(600_000);
    asks(served);
    expect(watch.breach).toContain('with -');
  });

  test('that is new may be short-lived', () => {
    const { watch, asks, token } = createWatch();
    asks(token({ lifeS: 20 }));
    expect(watch.breach).toBeUndefined();
  });

  test('is in no line of the log', () => {
    const { watch } = createWatch();
    watch.logged(`{"message":"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.x"}`);
    expect(watch.breach).toContain('a token in the log');
  });
});

const post = (
  correlationId: string | undefined,
  startMs: number,
  endMs: number,
  more = {},
): Post => ({
  key,
  correlationId,
  startMs,
  endMs,
  isAnswered: true,
  ...more,
});

describe('exchanges of one key', () => {
  test.each<[string, readonly Post[], string | undefined]>([
    ['one after the other', [post('a', 0, 10), post('b', 11, 20)], undefined],
    ['at a time', [post('a', 0, 10), post('b', 9, 20)], key],
    ['at a time, the other way round', [post('b', 9, 20), post('a', 0, 10)], key],
    ['attempts of one', [post('a', 0, 10), post('a', 5, 20)], undefined],
    ['one given up', [post('a', 0, 10, { isAnswered: false }), post('b', 9, 20)], undefined],
    ['through the token proxy', [post(undefined, 0, 10), post(undefined, 5, 20)], undefined],
    ['of two keys', [post('a', 0, 10), post('b', 9, 20, { key: 'other' })], undefined],
  ])('%s', (_, posts, overlap) => {
    expect(findOverlap(posts)).toBe(overlap);
  });

  test('are compared with those of the last look, unless packets were lost', () => {
    const { watch } = createWatch();
    watch.posted([post('a', 0, 10)], true);
    watch.posted([post('b', 5, 20), post('c', 6, 25)], false);
    watch.posted([post('d', 21, 30)], true);
    expect(watch.breach).toBeUndefined();
    watch.posted([post('e', 29, 40)], true);
    expect(watch.breach).toContain(`two exchanges of ${key} at a time`);
  });
});

describe('bounds', () => {
  test.each<[string, (watch: RealWatch) => void]>([
    [
      '134217729 bytes of memory',
      (watch) => watch.measured({ bytes: 2 ** 27 + 1, descriptors: 0 }),
    ],
    ['3001 descriptors', (watch) => watch.measured({ bytes: 0, descriptors: 3_001 })],
    ['half a request kept its connection open for 15001 ms', (watch) => watch.heldHalf(15_001)],
  ])('%s', (breach, see) => {
    const { watch } = createWatch();
    watch.measured({ bytes: 2 ** 27, descriptors: 3_000 });
    watch.heldHalf(15_000);
    expect(watch.breach).toBeUndefined();
    see(watch);
    expect(watch.breach).toContain(breach);
  });

  test('log lines and requests to Entra, for each key and minute', () => {
    const { watch, asks } = createWatch();
    asks(refused);
    for (let line = 0; line < 50; line += 1) watch.logged('line');
    watch.lookAtRates(0);
    expect(watch.breach).toBeUndefined();
    for (let line = 0; line < 51; line += 1) watch.logged('line');
    asks(refused);
    watch.lookAtRates(0);
    expect(watch.breach).toContain('51 log lines in a minute for 5 keys');
  });

  const refusal = (resource: string): string =>
    JSON.stringify({ message: 'request was not served', error_code: 'ERR_TIMEOUT', resource });

  test('log lines about requests of one kind that were not served, in a minute of one process', () => {
    const { watch } = createWatch();
    for (let line = 0; line < 12; line += 1) {
      watch.logged(refusal(resource));
      watch.logged(refusal('https://b.example'));
    }
    watch.lookAtRates(0);
    for (let line = 0; line < 12; line += 1) watch.logged(refusal(resource));
    watch.processStarted();
    for (let line = 0; line < 12; line += 1) watch.logged(refusal(resource));
    expect(watch.breach).toBeUndefined();
    watch.logged(refusal(resource));
    expect(watch.breach).toContain('13 log lines in a minute about ["ERR_TIMEOUT"');
  });

  test('log lines of each start, and of a stop as of any other time', () => {
    const { watch } = createWatch();
    const log = (count: number): void => {
      for (let line = 0; line < count; line += 1) watch.logged('line');
    };
    watch.processStops();
    log(40);
    for (let start = 0; start < 3; start += 1) {
      watch.processStarts();
      log(10);
    }
    watch.lookAtRates(0);
    expect(watch.breach).toBeUndefined();
    log(1);
    expect(watch.breach).toContain('11 log lines of a start');
  });

  test('301 requests to Entra for one key', () => {
    const { watch, asks } = createWatch();
    asks(refused);
    watch.posted(
      Array.from({ length: 301 }, (_, index) => post('a', index, index)),
      true,
    );
    watch.lookAtRates(0);
    expect(watch.breach).toContain('301 POSTs in a minute for 5 keys');
  });
});

describe('the admin port', () => {
  const metrics = (ok: number, failed = 0, entries = 1): string =>
    `imds_proxy_http_requests_total{route="token",code="200"} ${ok}
imds_proxy_http_requests_total{route="token",code="503"} ${failed}
imds_proxy_http_requests_total{route="readyz",code="200"} 1000
imds_proxy_token_cache_entries ${entries}
`;

  test.each<[string, number, string, string | undefined]>([
    ['as callers see it', 200, metrics(2, 1), undefined],
    ['with a request that is not answered yet', 200, metrics(3, 1), undefined],
    ['not ready', 503, metrics(2, 1), 'not ready (503), and a token is live'],
    ['with fewer answers', 200, metrics(1, 1), 'counts 1 answers 200, callers got 2'],
    ['with another error', 200, metrics(3, 0), 'counts 0 answers 503, callers got 1'],
    ['with more answers', 200, metrics(4, 1), 'counts 5 answers, callers sent 4 requests'],
    ['with too many keys', 200, metrics(2, 1, 257), '257 entries'],
  ])('%s', (_, readiness, text, breach) => {
    const { watch, asks, token } = createWatch();
    asks(refused);
    asks(token());
    asks(token());
    const look = watch.beginLook([key]);
    watch.ask(resource, client);
    look({ readiness, metrics: text });
    if (breach === undefined) expect(watch.breach).toBeUndefined();
    else expect(watch.breach).toContain(breach);
    expect(watch.totals).toMatchObject({ tokens: 2, errors: 1, looks: 1 });
  });

  test('of another process says nothing about this one', () => {
    const { watch, asks, token } = createWatch();
    asks(token());
    const look = watch.beginLook([key]);
    watch.processStarted();
    look({ readiness: 503, metrics: metrics(0) });
    expect(watch.breach).toBeUndefined();
  });

  test('may say that it is not ready while no token is live', () => {
    const { watch } = createWatch();
    watch.beginLook([key])({ readiness: 503, metrics: metrics(0) });
    expect(watch.breach).toBeUndefined();
  });
});
