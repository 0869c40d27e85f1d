import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { assertSameBytes } from '../../../bench/harness/bare.ts';
import { askAllAtOnce } from '../../../bench/harness/crowd.ts';
import { ask, firstAnswerAt, headerOf, parseAnswer } from '../../../bench/harness/http.ts';
import { freePort } from '../../../bench/harness/ports.ts';
import { toSdkRequest } from '../../../bench/harness/sdk-request.ts';

const whole = 'HTTP/1.1 200 OK\r\nServer: IMDS/1\r\nContent-Length: 5\r\n\r\nhello';
const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(status: (count: number) => number): Promise<number> {
  let count = 0;
  const server = createServer((_, response) => {
    count += 1;
    response.writeHead(status(count), { 'Content-Length': 5 }).end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

describe('parseAnswer', () => {
  test('reads a whole answer', () => {
    expect(parseAnswer(whole)).toEqual({
      status: 200,
      head: ['Server', 'IMDS/1', 'Content-Length', '5'],
      body: 'hello',
    });
  });

  test('waits for the rest, wherever the answer is cut', () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseAnswer(whole.slice(0, length))).toBeUndefined();
    }
  });

  test('refuses an answer without a length', () => {
    expect(() => parseAnswer('HTTP/1.1 200 OK\r\n\r\n')).toThrow('without its length');
  });
});

test('headerOf finds values by name in any spelling, and no values for names', () => {
  const head = ['Server', 'Date', 'DATE', 'today'];
  expect(headerOf(head, 'date')).toBe('today');
  expect(headerOf(head, 'age')).toBeUndefined();
});

test('ask returns the bytes that the server wrote', async () => {
  const { status, body } = await ask(await serve(() => 201), request);
  expect({ status, body }).toEqual({ status: 201, body: 'hello' });
});

test('firstAnswerAt continues after a refused connection and an answer that is not 200', async () => {
  const port = await serve((count) => (count < 3 ? 503 : 200));
  const from = performance.now();
  expect(await firstAnswerAt(port, request, 5_000)).toBeGreaterThan(from);
});

test('firstAnswerAt gives up at its deadline', async () => {
  await expect(firstAnswerAt(await freePort(), request, 5)).rejects.toThrow('not ready');
});

describe('askAllAtOnce', () => {
  test('waits for every caller', async () => {
    let answered = 0;
    const port = await serve(() => {
      answered += 1;
      return 200;
    });
    await askAllAtOnce(port, request, 40);
    expect(answered).toBe(40);
  });

  test('fails when one caller is refused', async () => {
    const port = await serve((count) => (count === 7 ? 503 : 200));
    await expect(askAllAtOnce(port, request, 20)).rejects.toThrow('a caller got 503');
  });
});

describe('assertSameBytes', () => {
  const answer = {
    status: 200,
    head: ['Server', 'IMDS/1', 'Date', 'Sun, 22 Nov 2026 13:04:29 GMT'],
    body: 'abc',
  };

  test('passes other values of the same length, and any date', () => {
    const other = { ...answer, head: ['date', 'now', 'Server', 'IMDS/2'], body: 'xyz' };
    expect(() => assertSameBytes(answer, other)).not.toThrow();
  });

  test.each([
    { name: 'a header more', other: { ...answer, head: [...answer.head, 'Age', '1'] } },
    { name: 'a longer value', other: { ...answer, head: ['Server', 'IMDS/10', 'Date', 'now'] } },
    { name: 'a longer body', other: { ...answer, body: 'abcd' } },
    { name: 'another status', other: { ...answer, status: 201 } },
  ])('refuses $name', ({ other }) => {
    expect(() => assertSameBytes(answer, other)).toThrow('bare server writes');
  });
});

describe('toSdkRequest', () => {
  const sdk = toSdkRequest('/token?api-version=2018-02-01&resource=https%3A%2F%2Fa&client_id=c', [
    ...['Metadata', 'true', 'Host', '127.0.0.1:1', 'Connection', 'close'],
  ]);

  test('names the metadata address and leaves Connection to the caller', () => {
    expect(sdk.headers).toEqual(['Metadata: true', 'Host: 169.254.169.254']);
  });

  test('replaces the resource and nothing else', () => {
    expect(sdk.path('https://b/c')).toBe(
      '/token?api-version=2018-02-01&resource=https%3A%2F%2Fb%2Fc&client_id=c',
    );
    expect(sdk.path()).toContain('resource=https%3A%2F%2Fa&');
  });

  test('ends its head with an empty line', () => {
    expect(sdk.text()).toMatch(/^GET \/token\?.* HTTP\/1\.1\r\n(?:.+\r\n)+\r\n$/);
  });
});
