import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGuard } from '../../../src/proxy/http/guard.ts';

const good = ['Host', '169.254.169.254', 'Metadata', 'true'];

/** A new guard each time, because a guard remembers the last good Host. */
function guard(
  rawHeaders: readonly string[],
  { major = 1, minor = 1, url = '/' } = {},
): string | undefined {
  const request = { rawHeaders, httpVersionMajor: major, httpVersionMinor: minor, url };
  return createGuard(['Proxy.Internal'])(request)?.code;
}

test.each([
  ['the plain request', good, undefined],
  ['nothing', [], 'ERR_METADATA_HEADER'],
  ['no Metadata, and more wrong', ['X-Forwarded-For', '1', 'Host', 'evil'], 'ERR_METADATA_HEADER'],
  ['Metadata as a value', ['Host', 'localhost', 'X', 'Metadata'], 'ERR_METADATA_HEADER'],
  ['Metadata as a value, true next', ['Metadata', 'false', 'true', 'true'], 'ERR_METADATA_HEADER'],
  ['X-Forwarded-For', [...good, 'X-FORWARDED-FOR', ''], 'ERR_FORWARDED'],
  ['Forwarded', [...good, 'forwarded', 'for=1'], 'ERR_FORWARDED'],
  ['a header of the same length', [...good, 'X-Forwarded-Fox', '1'], undefined],
  ['no Host', ['Metadata', 'true'], 'ERR_HOST'],
  ['two Hosts', [...good, 'Host', '169.254.169.254'], 'ERR_HOST'],
  ['an extra host', ['Host', 'proxy.internal:8000', 'Metadata', 'true'], undefined],
  ['an extra host in upper case', ['Host', 'PROXY.INTERNAL', 'Metadata', 'true'], undefined],
  ['a foreign host', ['Host', 'proxy.internal.evil', 'Metadata', 'true'], 'ERR_HOST'],
  ['31 headers', [...good, ...Array(29).fill(['X', '1']).flat()], undefined],
  ['more', [...good, ...Array(30).fill(['X', '1']).flat()], 'ERR_HTTP_HEADERS'],
  ['a small body', [...good, 'Content-Length', '16384'], undefined],
  ['a big body', [...good, 'Content-Length', '16385'], 'ERR_HTTP_BODY'],
  ['a coded body', [...good, 'Transfer-Encoding', 'chunked'], 'ERR_HTTP_MALFORMED'],
])('%s', (_name, rawHeaders, refusal) => {
  expect(guard(rawHeaders)).toBe(refusal);
});

/** What is wrong with a request of a protocol that does not know the Metadata header. */
function toRefusalWithoutMetadata(rawHeaders: readonly string[]): string | undefined {
  const refusal = createGuard()({ rawHeaders, httpVersionMajor: 1, httpVersionMinor: 1, url: '/' });
  return (refusal?.code === 'ERR_METADATA_HEADER' ? refusal.otherwise : refusal)?.code;
}

test('where Metadata is ignored, everything else is still looked at', () => {
  const check = (...rawHeaders: readonly string[]) => toRefusalWithoutMetadata(rawHeaders);
  expect(check('Host', '127.0.0.1:8000')).toBeUndefined();
  expect(check('Host', '127.0.0.1:8000', 'Metadata', 'false')).toBeUndefined();
  expect(check('Host', '127.0.0.1', 'X-Forwarded-For', '10.0.0.1')).toBe('ERR_FORWARDED');
  expect(check('Host', 'evil.example')).toBe('ERR_HOST');
  expect(check('Host', '127.0.0.1', 'Transfer-Encoding', 'chunked')).toBe('ERR_HTTP_MALFORMED');
});

test('HTTP/1.0 needs no Host', () => {
  expect(guard(['Metadata', 'true'], { minor: 0 })).toBeUndefined();
});

test.each([
  ['169.254.169.254:80', undefined],
  ['evil.example', 'ERR_HOST'],
  ['', 'ERR_HOST'],
])('the authority %s of an absolute-form target', (authority, refusal) => {
  expect(guard(good, { url: `http://${authority}/x` })).toBe(refusal);
});

test.each([
  ['HTTP/2.0', 2, 0],
  ['HTTP/0.9', 0, 9],
  ['HTTP/2.1', 2, 1],
])('%s is refused, also with everything else in order', (_, major, minor) => {
  expect(guard(good, { major, minor })).toBe('ERR_HTTP_MALFORMED');
  expect(guard(['Metadata', 'true'], { major, minor })).toBe('ERR_HTTP_MALFORMED');
});

test.each([
  [['Metadata', 'true'], 'Host'],
  [[...good, 'FORWARDED', 'for=1'], 'Forwarded'],
  [[...good, 'x-forwarded-for', 'secret'], 'X-Forwarded-For'],
  [[...good, 'transfer-encoding', 'x'], 'Transfer-Encoding'],
  [['Host', 'localhost'], 'Metadata'],
])('%j: the refusal names the header and not its value', (rawHeaders, header) => {
  const request = { rawHeaders, httpVersionMajor: 1, httpVersionMinor: 1, url: '/' };
  const refusal = createGuard()(request);
  expect(refusal?.header).toBe(header);
  expect(refusal?.message).toContain(header);
  expect(JSON.stringify(refusal)).not.toContain('secret');
});

test('a good Host does not make the next one good', () => {
  const same = createGuard();
  const check = (host: string) =>
    same({
      rawHeaders: ['Metadata', 'true', 'Host', host],
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      url: '/',
    })?.code;
  expect(check('localhost:1')).toBeUndefined();
  expect(check('evil')).toBe('ERR_HOST');
  expect(check('localhost:1')).toBeUndefined();
});

test('whatever the order and the other headers, a request without `Metadata: true` is refused', () => {
  const name = fc.oneof(
    fc.constantFrom('Metadata', 'metadata', 'METADATA', 'Host', 'X-Metadata', 'Metadata-Flavor'),
    fc.string(),
  );
  const value = fc.oneof(
    fc.constantFrom('true', 'True', ' true', 'false', 'localhost'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (headers) => {
      const claims = headers.filter(([header]) => header.toLowerCase() === 'metadata');
      const isTrue =
        claims.length > 0 && claims.every(([, v]) => v.trim().toLowerCase() === 'true');
      const refusal = guard(headers.flat());
      if (!isTrue) expect(refusal).not.toBeUndefined();
      else expect(refusal).not.toBe('ERR_METADATA_HEADER');
    }),
  );
});
