import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type Channel, createChannel } from '../../../src/proxy/exchanger/channel.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Two ends of a real socket, with what each was told. */
async function createPair() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const near = connect(port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  cleanUps.push(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

function collect(stream: Socket): {
  readonly messages: unknown[];
  readonly channel: Channel<unknown>;
  readonly closed: Promise<void>;
} {
  const messages: unknown[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const channel = createChannel<unknown, unknown>(stream, {
    message: (message) => messages.push(message),
    closed: resolve,
  });
  return { messages, channel, closed };
}

describe('channel', () => {
  test('messages arrive whole and in order however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ text: fc.string({ unit: 'binary' }) }), { minLength: 1 }),
        fc.integer({ min: 1, max: 40 }),
        async (sent, size) => {
          const { near, far } = await createPair();
          const { messages, closed } = collect(far);
          const bytes = Buffer.from(sent.map((message) => `${JSON.stringify(message)}\n`).join(''));
          for (let from = 0; from < bytes.length; from += size) {
            near.write(bytes.subarray(from, from + size));
          }
          near.end();
          await closed;
          expect(messages).toEqual(sent.map((message) => JSON.parse(JSON.stringify(message))));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a line that is no JSON closes the channel, once', async () => {
    const { near, far } = await createPair();
    const { messages, closed } = collect(far);
    near.write('{"type":"one"}\nnot json\n{"type":"two"}\n');
    await closed;
    expect(messages).toEqual([{ type: 'one' }]);
  });

  test('the death of one end closes the other, and sending then is harmless', async () => {
    const { near, far } = await createPair();
    const { channel, closed } = collect(far);
    near.destroy();
    await closed;
    channel.send({ type: 'late' });
    channel.end();
  });
});
