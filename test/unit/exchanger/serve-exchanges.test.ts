import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { Exchange, IssuedToken } from '../../../src/proxy/exchange.ts';
import { createChannel } from '../../../src/proxy/exchanger/channel.ts';
import type { Command, Reply } from '../../../src/proxy/exchanger/messages.ts';
import { serveExchanges } from '../../../src/proxy/exchanger/serve-exchanges.ts';

const request = { identity: { clientId: 'a', tenantId: 't' }, resource: 'api://x' };
const token: IssuedToken = {
  accessToken: 'token',
  expiresInSeconds: 3600,
  extExpiresInSeconds: 3600,
  elapsedMs: 5,
};
const configure: Command = {
  type: 'configure',
  settings: { authorityHost: 'https://login.example', federatedTokenFile: '/token' },
  logLevel: 'info',
};

/** The exchanger's end over an exchange of the test's own, and the server's end. */
function setUp(exchange: Exchange) {
  const [near, far] = duplexPair();
  const events: string[] = [];
  const replies: Reply[] = [];
  let onReply = (): void => {};
  serveExchanges(far, {
    createExchange: () => exchange,
    idle: () => events.push('idle'),
    closed: () => events.push('closed'),
  });
  const channel = createChannel<Reply, Command>(near, {
    message(reply) {
      replies.push(reply);
      onReply();
    },
    closed: () => {},
  });
  const nextReply = (): Promise<void> =>
    new Promise((resolve) => {
      onReply = resolve;
    });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return { channel, near, replies, events, nextReply, settle };
}

describe('serving exchanges', () => {
  test('answers with the token', async () => {
    const { channel, replies, nextReply } = setUp(() => Promise.resolve(token));
    const replied = nextReply();
    channel.send(configure);
    channel.send({ type: 'exchange', id: 7, request });
    await replied;
    expect(replies).toEqual([{ type: 'issued', id: 7, token }]);
  });

  test('answers with code, message and details of a failure, and nothing of its cause', async () => {
    const cause = new Error('a secret');
    const error = new ProxyError('ERR_REJECTED', 'refused', { aadsts: 700016 }, { cause });
    const { channel, replies, nextReply } = setUp(() => Promise.reject(error));
    const replied = nextReply();
    channel.send(configure);
    channel.send({ type: 'exchange', id: 1, request });
    await replied;
    expect(JSON.stringify(replies)).not.toContain('secret');
    expect(replies).toEqual([
      {
        type: 'failed',
        id: 1,
        error: { code: 'ERR_REJECTED', message: 'refused', details: { aadsts: 700016 } },
      },
    ]);
  });

  test('is idle after the configuration only if no work came with it', async () => {
    const idle = setUp(() => Promise.resolve(token));
    idle.channel.send(configure);
    await idle.settle();
    expect(idle.events).toEqual(['idle']);

    const busy = setUp(() => new Promise(() => {}));
    busy.channel.send(configure);
    busy.channel.send({ type: 'exchange', id: 1, request });
    await busy.settle();
    expect(busy.events).toEqual([]);
  });

  test('a cancelled exchange is aborted and not answered', async () => {
    let signal: AbortSignal | undefined;
    const { channel, replies, settle } = setUp((_, given) => {
      signal = given;
      return new Promise((_resolve, reject) =>
        given.addEventListener('abort', () => reject(given.reason)),
      );
    });
    channel.send(configure);
    channel.send({ type: 'exchange', id: 1, request });
    await settle();
    channel.send({ type: 'cancel', id: 1 });
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(replies).toEqual([]);
  });

  test('when the server goes, what runs is aborted and the process is told', async () => {
    let signal: AbortSignal | undefined;
    const { channel, near, events, settle } = setUp((_, given) => {
      signal = given;
      return new Promise(() => {});
    });
    channel.send(configure);
    channel.send({ type: 'exchange', id: 1, request });
    await settle();
    near.destroy();
    await settle();
    expect(signal?.aborted).toBe(true);
    expect(events).toContain('closed');
  });
});
