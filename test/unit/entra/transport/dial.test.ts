import type { LookupAddress } from 'node:dns';
import { EventEmitter } from 'node:events';
import type { LookupFunction, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  createDial,
  createSharedLookup,
  type DialError,
} from '../../../../src/proxy/entra/transport/dial.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

function setUp() {
  const asked: { hostname: string; answer: Parameters<LookupFunction>[2] }[] = [];
  const lookup = createSharedLookup((hostname, _options, answer) => {
    asked.push({ hostname, answer });
  });
  const ask = (hostname: string, family = 0) =>
    new Promise<string | LookupAddress[]>((resolve, reject) => {
      lookup(hostname, { all: true, family }, (error, address) => {
        if (error) reject(error);
        else resolve(address);
      });
    });
  return { asked, ask };
}

describe('shared lookup', () => {
  it('asks once for all who ask the same at the same time', async () => {
    const { asked, ask } = setUp();
    const callers = [ask('a.example'), ask('a.example'), ask('a.example')];
    expect(asked).toHaveLength(1);
    asked[0]?.answer(null, [{ address: '127.0.0.1', family: 4 }]);
    expect(await Promise.all(callers)).toEqual(
      Array(3).fill([{ address: '127.0.0.1', family: 4 }]),
    );
  });

  it('tells them all of a failure, and asks anew afterwards', async () => {
    const { asked, ask } = setUp();
    const callers = [ask('a.example'), ask('a.example')];
    asked[0]?.answer(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []);
    const results = await Promise.allSettled(callers);
    expect(results).toMatchObject(Array(2).fill({ reason: { code: 'ENOTFOUND' } }));
    void ask('a.example');
    expect(asked).toHaveLength(2);
  });

  it('keeps other names and other questions apart', () => {
    const { asked, ask } = setUp();
    void ask('a.example');
    void ask('b.example');
    void ask('a.example', 6);
    expect(asked.map(({ hostname }) => hostname)).toEqual(['a.example', 'b.example', 'a.example']);
  });
});

/** What each address does: stands after so many ms, fails with a code at once, or says nothing. */
type Script = Readonly<Record<string, number | string | undefined>>;

const v4 = (n: number): LookupAddress => ({ address: `192.0.2.${n}`, family: 4 });
const v6 = (n: number): LookupAddress => ({ address: `2001:db8::${n}`, family: 6 });

async function dial(addresses: readonly LookupAddress[], script: Script, timeoutMs = 5_000) {
  const clock = createManualClock();
  const startedAtMs = clock.monotonicMs();
  const begun: { address: string; atMs: number; isDestroyed: boolean }[] = [];
  const connect = ({ host }: { host: string }): Socket => {
    const attempt = { address: host, atMs: clock.monotonicMs() - startedAtMs, isDestroyed: false };
    begun.push(attempt);
    const socket = Object.assign(new EventEmitter(), {
      address: host,
      setNoDelay: () => {},
      destroy() {
        attempt.isDestroyed = true;
      },
    });
    const outcome = script[host];
    if (typeof outcome === 'number') clock.after(outcome, () => socket.emit('connect'));
    if (typeof outcome === 'string') {
      const error = Object.assign(new Error(outcome), { code: outcome });
      queueMicrotask(() => socket.emit('error', error));
    }
    return socket as unknown as Socket;
  };
  const lookup: LookupFunction = (_host, _options, answer) => answer(null, [...addresses]);
  const results: { error: DialError | undefined; address: string | undefined; tookMs: number }[] =
    [];
  createDial({ timeoutMs, clock, lookup, connect: connect as never })(
    'entra.test',
    443,
    (error, socket) => {
      results.push({
        error: (error ?? undefined) as DialError | undefined,
        address: (socket as { address?: string } | undefined)?.address,
        tookMs: clock.monotonicMs() - startedAtMs,
      });
    },
  );
  await clock.advance(60_000);
  expect(results).toHaveLength(1);
  expect(clock.pendingTimers).toBe(0);
  const [result] = results;
  if (result === undefined) throw new Error('no result');
  const left = begun.filter(
    ({ address, isDestroyed }) => address !== result.address && !isDestroyed,
  );
  const isFailed = ({ address }: { address: string }) => typeof script[address] === 'string';
  expect(left.filter((attempt) => !isFailed(attempt))).toEqual([]);
  return { ...result, begun };
}

describe('connecting to a name with several addresses', () => {
  it.each([520, 560, 600, 620, 1_000, 4_900])(
    'succeeds in a pod without IPv6 whose handshakes take %i ms, whatever the order of the addresses',
    async (handshakeMs) => {
      for (const addresses of [
        [v4(1), v6(1)],
        [v6(1), v4(1)],
        [v6(1), v6(2), v6(3), v4(1)],
        [v4(1), v4(2), v4(3), v6(1), v6(2), v6(3)],
      ]) {
        const script: Record<string, number | string> = {};
        for (const { address, family } of addresses) {
          script[address] = family === 4 ? handshakeMs : 'ENETUNREACH';
        }
        const { address, tookMs } = await dial(addresses, script);
        expect(address).toBe('192.0.2.1');
        expect(tookMs).toBe(handshakeMs);
      }
    },
  );

  it('takes the family that answers when the other is silent', async () => {
    const script = { [v4(1).address]: 620 };
    expect(await dial([v6(1), v6(2), v4(1)], script)).toMatchObject({
      address: '192.0.2.1',
      // The second address begins after 250 ms.
      tookMs: 870,
    });
  });

  it('lets a slow address win over a later one that is silent', async () => {
    expect(await dial([v4(1), v4(2)], { [v4(1).address]: 3_000 })).toMatchObject({
      address: '192.0.2.1',
      tookMs: 3_000,
    });
  });

  it('tries the next address at once after a refusal', async () => {
    const script = { [v4(1).address]: 'ECONNREFUSED', [v4(2).address]: 10 };
    expect(await dial([v4(1), v4(2)], script)).toMatchObject({ address: '192.0.2.2', tookMs: 10 });
  });

  it('takes the families in turn, beginning with the resolver’s first', async () => {
    const { begun } = await dial([v6(1), v6(2), v4(1), v4(2)], {});
    expect(begun.map(({ address, atMs }) => [address, atMs])).toEqual([
      ['2001:db8::1', 0],
      ['192.0.2.1', 250],
      ['2001:db8::2', 500],
      ['192.0.2.2', 750],
    ]);
  });

  it('opens no more than 16 connections, however many addresses the name has', async () => {
    const many = Array.from({ length: 200 }, (_, n) => v4(n));
    expect((await dial(many, {})).begun).toHaveLength(16);
  });

  it('ends at the timeout and reports the outcome of each address', async () => {
    const { error, tookMs } = await dial([v4(1), v6(1)], { [v6(1).address]: 'ENETUNREACH' });
    expect(tookMs).toBe(5_000);
    expect(error).toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
      faults: [
        { address: '2001:db8::1', family: 6, code: 'ENETUNREACH' },
        { address: '192.0.2.1', family: 4, code: undefined },
      ],
    });
  });

  it('fails with the code that tells most', async () => {
    const script = { [v4(1).address]: 'ECONNREFUSED', [v6(1).address]: 'ENETUNREACH' };
    expect((await dial([v6(1), v4(1)], script)).error?.code).toBe('ECONNREFUSED');
    expect((await dial([v6(1)], script)).error?.code).toBe('ENETUNREACH');
  });
});
