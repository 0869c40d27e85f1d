import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTextCleaner } from '../../../src/doctor/bundle/clean-text.ts';
import { createRedact } from '../../../src/doctor/engine/redact.ts';

/** Every way of writing a secret that a log may have. */
function spell(secret: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(secret);
  return {
    plain: secret,
    'percent-encoded': encodeURIComponent(secret),
    'percent-encoded in lower case': encodeURIComponent(secret).replace(/%../g, (code) =>
      code.toLowerCase(),
    ),
    'in JSON': JSON.stringify(secret),
    base64: bytes.toString('base64'),
    base64url: bytes.toString('base64url'),
    'base64 after a user': Buffer.from(`user:${secret}`).toString('base64'),
    'base64 inside': Buffer.from(`ab${secret}cd`).toString('base64'),
    hexadecimal: bytes.toString('hex'),
  };
}

describe('secrets', () => {
  const secret = 'p@ss/wörd "quoted"+1';
  const redact = createRedact([secret]);

  test.each(Object.entries(spell(secret)))('%s', (_name, text) => {
    const clean = redact(`before ${text} after`);
    expect(clean).toMatch(/^before .*\[redacted\].* after$/);
    const inside = text.slice(4, -4);
    expect(clean).not.toContain(inside);
  });

  test('any secret of 8 characters and more, wherever it stands', () => {
    const secrets = fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme' });
    fc.assert(
      fc.property(secrets, fc.string({ maxLength: 5 }), (value, before) => {
        fc.pre(value.trim().length >= 8);
        const clean = createRedact([value])(`${before}${value}`);
        expect(clean).not.toContain(value);
        const encoded = Buffer.from(`${before}${value}`).toString('base64');
        expect(createRedact([value])(encoded)).toContain('[redacted]');
      }),
    );
  });

  test('logins in URLs and headers, even short ones', () => {
    expect(createRedact([])('via http://me:pw@proxy:3128/x failed')).toBe(
      'via http://[redacted]@proxy:3128/x failed',
    );
    expect(createRedact([])('authorization: Basic bWU6cHc= sent')).toBe(
      'authorization: Basic [redacted] sent',
    );
  });

  test('an e-mail address and a placeholder are not logins', () => {
    const text = 'ask me@example.com about https://example.com/a: http://user:password@host:port';
    expect(createRedact([])(text)).toBe(text);
  });
});

describe('lines of a log', () => {
  const part = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const token = `eyJhbGciOiJSUzI1NiJ9.eyJ${part}.${part.toUpperCase()}`;
  const clean = createTextCleaner(createRedact([]), [token]);

  test.each(Object.entries(spell(token)))('a token, %s', (_name, text) => {
    const line = clean(`level=info ${text}`);
    expect(line).not.toContain(text.slice(10, 40));
    expect(line).not.toContain(text.slice(-24));
  });

  test.each([
    [
      'base64 of a JWT',
      Buffer.from('eyJhbGciOiJub25lIn0.eyJhIjoiLz8vPz8vPz8vPz8_In0.').toString('base64'),
    ],
    [
      'base64 of a JWT behind a byte',
      Buffer.from(`x${token.replaceAll('b', 'q')}`).toString('base64'),
    ],
    [
      'base64 of a JWT behind two bytes',
      Buffer.from(`xy${token.replaceAll('b', 'q')}`).toString('base64'),
    ],
  ])('an unknown token: %s', (_name, text) => {
    const unknown = createTextCleaner(createRedact([]), []);
    expect(unknown(`x ${text}`)).not.toContain(text.slice(12, 40));
  });

  test('one withheld line leaves the others alone, with their indentation', () => {
    expect(clean(`{\n  "a": 1,\n  "b": "${token}"\n}`)).toMatch(/^\{\n {2}"a": 1,\n {2}.*\n\}$/);
    expect(clean('a\u001b[31m\nb')).toBe('a?[31m\nb');
  });
});
