import { expect, test } from 'vitest';
import { toEndToEndHeaders } from '../../../src/proxy/http/raw-headers.ts';

test('headers of one connection stay behind, the others keep their order and spelling', () => {
  const headers = [
    ['Host', 'x'],
    ['METADATA', 'true'],
    ['Connection', 'keep-alive, X-Private ,x-other'],
    ['Keep-Alive', 'timeout=5'],
    ['x-private', '1'],
    ['X-Other', '2'],
    ['Accept', 'a'],
    ['accept', 'b'],
    ['Proxy-Connection', 'x'],
    ['Proxy-Authorization', 'x'],
    ['Proxy-Authenticate', 'x'],
    ['TE', 'trailers'],
    ['Trailer', 'x'],
    ['Transfer-Encoding', 'chunked'],
    ['Upgrade', 'h2c'],
    ['Content-Length', '1'],
    ['Set-Cookie', 'x'],
    ['Cookie', 'x'],
    ['x-ms-client-request-id', '1'],
  ];
  expect(toEndToEndHeaders(headers.flat())).toEqual([
    'METADATA',
    'true',
    'Accept',
    'a',
    'accept',
    'b',
    'x-ms-client-request-id',
    '1',
  ]);
});

test('two Connection headers count both', () => {
  const headers = ['Connection', 'a', 'A', '1', 'connection', 'B', 'b', '2', 'c', '3'];
  expect(toEndToEndHeaders(headers)).toEqual(['c', '3']);
});
