import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGuard } from '../../../src/proxy/http/guard.ts';

const good = ['Host', '169.254.169.254', 'Metadata', 'true'];

/** A guard of its own each time: it remembers the last good Host. */
function guard(
  rawHeaders: readonly string[],
  { minor = 1, authority = undefined as string | undefined } = {},
) {
  return createGuard(['Proxy.Internal'])({ rawHeaders, httpVersionMinor: minor }, authority);
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
  ['a small body', [...good, 'Content-Length', '16384'], undefined],
  ['a big body', [...good, 'Content-Length', '16385'], 'ERR_HTTP_BODY'],
  ['a coded body', [...good, 'Transfer-Encoding', 'chunked'], 'ERR_HTTP_MALFORMED'],
])('%s', (_name, rawHeaders, refusal) => {
  expect(guard(rawHeaders)).toBe(refusal);
});

test('where Metadata is ignored, everything else is still looked at', () => {
  const check = (...rawHeaders: readonly string[]) =>
    createGuard([], 'ignored')({ rawHeaders, httpVersionMinor: 1 });
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
  expect(guard(good, { authority })).toBe(refusal);
});

test('a good Host does not make the next one good', () => {
  const same = createGuard();
  const check = (host: string) =>
    same({ rawHeaders: ['Metadata', 'true', 'Host', host], httpVersionMinor: 1 });
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
