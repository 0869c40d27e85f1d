import net from 'node:net';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { ask, instance, listen, startProxy, startUpstream } from './upstream.ts';

/** A relay that brings every connection back to the proxy, as a redirect of the proxy's own traffic does. */
async function startLoopedProxy(): Promise<ScriptedServer> {
  let target: Endpoint | undefined;
  const sockets = new Set<net.Socket>();
  const relay = net.createServer((socket) => {
    if (target === undefined) throw new Error('the relay has no target yet');
    const onward = net.connect(target);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  const { endpoint } = await listen(relay, () => {
    for (const socket of sockets) socket.destroy();
  });
  const proxy = await startProxy(endpoint);
  target = proxy.endpoint;
  return proxy;
}

test('our own request turns pass-through off, with one error and a count', async () => {
  const proxy = await startLoopedProxy();
  for (let round = 0; round < 3; round += 1) {
    expect((await ask(proxy, instance)).status).toBe(404);
  }
  const errors = proxy.logger.lines.filter(({ level }) => level === 'error');
  expect(errors).toHaveLength(1);
  expect(errors[0]?.fields['fix']).toContain('uid');
  expect(proxy.metrics.counted.filter((what) => what === 'denied loop')).toHaveLength(1);
  expect(proxy.passThrough.isOpen('instance')).toBe(false);
});

test('nothing is sent to the metadata service until somebody asks for it', async () => {
  const upstream = await startUpstream((_, response) => response.end('{}'));
  const proxy = await startProxy(upstream.endpoint);
  await proxy.clock.advance(60_000);
  expect(upstream.requests).toEqual([]);
  expect((await ask(proxy, instance)).status).toBe(200);
  expect(upstream.requests).toHaveLength(1);
});

test('the marker of another proxy travels on with ours', async () => {
  const upstream = await startUpstream((_, response) => response.end('{}'));
  const proxy = await startProxy(upstream.endpoint);
  expect((await ask(proxy, instance, 'x-imds-proxy-loop: another')).status).toBe(200);
  expect(upstream.requests[0]?.headers['x-imds-proxy-loop']).toMatch(/^another,[\da-f-]{36}$/);
  // A request that comes back through the other proxy is recognised as well.
  const marker = upstream.requests[0]?.headers['x-imds-proxy-loop'];
  const looped = await ask(proxy, '/nowhere', `X-IMDS-Proxy-Loop: ${marker},third`);
  expect(looped.status).toBe(508);
  expect(JSON.parse(looped.body)).toMatchObject({ error: 'loop_detected' });
});
