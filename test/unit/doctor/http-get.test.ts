import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { getFrom, maxAnswerBytes } from '../../../src/doctor/network/http-get.ts';

async function serve(handler: RequestListener): Promise<{ address: string; port: number }> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('reads no more than the bound of an answer that never ends', async () => {
  const peer = await serve((_request, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
    };
    response.on('drain', write);
    write();
  });
  const { status, text } = await getFrom(peer, '/', { timeoutMs: 10_000 });
  expect(status).toBe(200);
  expect(text).toHaveLength(maxAnswerBytes);
});

test('gives up an answer that does not come in time', async () => {
  const peer = await serve(() => {});
  await expect(getFrom(peer, '/', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});
