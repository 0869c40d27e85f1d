import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeStartError } from '../../../src/proxy/config/start-error.ts';

async function failToListen(address: string, port: number): Promise<unknown> {
  const server = createServer();
  const failed = once(server, 'error');
  server.listen(port, address);
  const [error] = await failed;
  return error;
}

describe('a port that is not available is named with its option', () => {
  test('in use', async () => {
    const holder = createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    onTestFinished(() => {
      holder.close();
    });
    const { port } = holder.address() as { readonly port: number };
    expect(describeStartError(await failToListen('127.0.0.1', port))).toBe(
      `--proxy-port (IMDS_PROXY_PROXY_PORT): ${port} is in use on 127.0.0.1; stop the program that listens there, or set another port here and in proxy-init's PROXY_PORT`,
    );
  });

  test('at an address that does not exist', async () => {
    // TEST-NET-1 of RFC 5737, which no machine has.
    expect(describeStartError(await failToListen('192.0.2.1', 8000))).toBe(
      '--bind-address (IMDS_PROXY_BIND_ADDRESS): 192.0.2.1 is not an address of this network namespace; set one of its addresses, such as 127.0.0.1',
    );
  });

  test.each([
    [
      'EACCES',
      /^--proxy-port .*: this user may not listen on port 80; set a port from 1024 to 65535$/,
    ],
    ['EAFNOSUPPORT', /^--bind-address .*: ::1 is not an address of this network namespace; /],
    ['EMFILE', /^cannot listen on ::1 port 80: EMFILE$/],
  ])('%s', (code, expected) => {
    const error = Object.assign(new Error(code), {
      code,
      syscall: 'listen',
      address: '::1',
      port: 80,
    });
    expect(describeStartError(error)).toMatch(expected);
  });
});

test('any other error speaks for itself', () => {
  expect(describeStartError(new Error('out of luck'))).toBe('out of luck');
  expect(describeStartError('thrown text')).toBe('thrown text');
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { syscall: 'connect' });
  expect(describeStartError(refused)).toBe('connect ECONNREFUSED');
});
