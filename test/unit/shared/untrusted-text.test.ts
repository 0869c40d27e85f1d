import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTextFilter, redactTokens, toPrintable } from '../../../src/shared/untrusted-text.ts';
import { makeAssertion } from '../entra/support.ts';

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const signature = fc.string({ unit: fc.constantFrom(...base64url), minLength: 86, maxLength: 342 });
const filter = createTextFilter([]);

describe('redaction of tokens', () => {
  it('removes a JWT wherever it stands', () => {
    const jwt = makeAssertion();
    for (const text of [jwt, `a ${jwt} b`, `"${jwt}"`, `x=${jwt}&y`, `${jwt}${jwt}`, `<b>${jwt}`]) {
      for (const part of jwt.split('.')) {
        expect(redactTokens(text)).not.toContain(part);
      }
    }
  });

  it('leaves nothing of a token that was cut anywhere', () => {
    fc.assert(
      fc.property(signature, fc.nat(), fc.nat(), (last, from, length) => {
        const jwt = makeAssertion({ iss: 'https://i.example', sub: 's', pad: last }, last);
        const start = from % jwt.length;
        const piece = jwt.slice(start, start + 64 + (length % jwt.length));
        if (piece.split('.').every((part) => part.length < 64)) return;
        const longest = piece.split('.').sort((a, b) => b.length - a.length)[0] ?? '';
        expect(filter(`before ${piece} after`, 2_000)).not.toContain(longest);
      }),
    );
  });

  it('removes the value of a name that means a secret, however short and opaque', () => {
    expect(redactTokens('{"access_token":"0.AbC","expires_in":1}')).toBe(
      '{"access_token":"[redacted]","expires_in":1}',
    );
    expect(redactTokens('client_assertion=abc&scope=x')).toBe(
      'client_assertion=[redacted]&scope=x',
    );
    expect(redactTokens('{"refresh_token" : "abc')).not.toContain('abc');
    expect(redactTokens('id_token: abc')).not.toContain('abc');
  });
});

const entraText =
  "AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:shop:checkout'. The request body must contain 'client_assertion' or 'client_secret'. https://westeurope.oic.prod-aks.azure.com/33333333-3333-3333-3333-333333333333/abc/ Trace ID: 44444444-4444-4444-4444-444444444444 Thumbprint: 0123456789ABCDEF0123456789ABCDEF01234567";

describe('a text of a peer', () => {
  it('keeps what Entra says', () => {
    expect(createTextFilter([makeAssertion()])(entraText, 2_000)).toBe(entraText);
  });

  it('is cut after it was redacted', () => {
    const text = `${'x '.repeat(50)}${makeAssertion()}`;
    const cut = filter(text, 110);
    expect(cut).toHaveLength(110);
    expect(cut).not.toContain('eyJ');
    expect(filter('short', 110)).toBe('short');
  });

  it.each([
    ['C0 controls', 'a\u0000b\u001bc\u007fd', 'a?b?c?d'],
    ['C1 controls', 'a\u009b31mb', 'a?31mb'],
    ['bidirectional overrides', 'a\u202eb\u2066c\u200fd', 'a?b?c?d'],
    ['zero-width characters', 'a\u200bb\u200dc\u2060d\ufeffe', 'a?b?c?d e'],
    ['tag characters', 'a\u{e0041}b', 'a?b'],
    ['invisible letters', 'a\u3164b\u115fc\u00add', 'a?b?c?d'],
    ['halves of surrogate pairs', 'a\ud800b', 'a?b'],
    ['private and unassigned characters', 'a\ue000b\u{10ffff}c', 'a?b?c'],
    ['line breaks of every kind', 'a\r\nb\u0085c\u2028d\u2029e\u000bf', 'a b c d e f'],
    ['spaces of every kind', 'a\u00a0\u3000\t b', 'a b'],
    ['letters of every script', 'Ünïcödé 漢字 עברית 😀', 'Ünïcödé 漢字 עברית 😀'],
  ])('has no %s that would act or hide', (_name, text, shown) => {
    expect(toPrintable(text)).toBe(shown);
    expect(filter(text, 200)).toBe(shown);
  });

  it('is not cut within a character', () => {
    expect(filter('ab😀cd', 4)).toBe('ab…');
  });

  it('is one printable line, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.nat(300), (text, max) => {
        const shown = filter(text, max + 1);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(shown.length).toBeLessThanOrEqual(max + 1);
      }),
    );
  });
});

/** Ways to cut up a token so that no pattern of a token fits the pieces. */
const spellings: readonly [string, (token: string) => string][] = [
  ['words of 30 characters', (token) => cut(token, 30).join(' ')],
  ['lines of 60 characters', (token) => cut(token, 60).join('\n')],
  ['words of 4 characters', (token) => cut(token, 4).join(' ')],
  [
    'a numbered list',
    (token) =>
      cut(token, 12)
        .map((piece, n) => `${n}: ${piece}`)
        .join('; '),
  ],
  [
    'numbered pieces of 5',
    (token) =>
      cut(token, 5)
        .map((piece, n) => `${n}=${piece}`)
        .join('&'),
  ],
  ['single characters', (token) => [...token].join(' ')],
  ['zero-width separators', (token) => cut(token, 7).join('\u200b')],
  ['percent-encoding', (token) => toEscapes(token, (hex) => `%${hex}`)],
  ['percent-encoding, twice', (token) => toEscapes(token, (hex) => `%25${hex}`)],
  ['escapes of JSON', (token) => toEscapes(token, (hex) => `\\u00${hex}`)],
  ['references of HTML', (token) => toEscapes(token, (hex) => `&#x${hex};`)],
  ['decimal references', (token) => [...token].map((c) => `&#${c.charCodeAt(0)};`).join('')],
  ['base64 in words', (token) => cut(Buffer.from(token).toString('base64'), 40).join(' ')],
  [
    'base64 after a prefix',
    (token) => cut(Buffer.from(`t=${token}`).toString('base64'), 40).join(' '),
  ],
  ['hexadecimal', (token) => cut(Buffer.from(token).toString('hex'), 32).join(' ')],
  ['upper case in words', (token) => cut(token.toUpperCase(), 20).join(' ')],
  ['its middle alone', (token) => token.slice(200, 216)],
];

function cut(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, index) =>
    text.slice(index * length, (index + 1) * length),
  );
}

function toEscapes(text: string, toEscape: (hex: string) => string): string {
  return [...text].map((c) => toEscape(c.charCodeAt(0).toString(16).padStart(2, '0'))).join('');
}

describe('a text that repeats a secret', () => {
  // As long as a cluster's: header, claims, a signature of 256 bytes.
  const token = makeAssertion(
    { iss: 'https://i.example', sub: 's', jti: randomBytes(300).toString('hex') },
    randomBytes(256).toString('base64url'),
  );
  const careful = createTextFilter([token]);

  it.each(spellings)('is withheld: %s', (_name, spell) => {
    const shown = careful(`Invalid assertion: ${spell(token)} (end)`, 2_000);
    expect(shown).toBe('[text withheld: it repeats parts of a token]');
  });

  it.each(spellings)('gives nothing away, whatever part of it is there: %s', (_name, spell) => {
    fc.assert(
      fc.property(fc.nat(token.length - 80), fc.integer({ min: 80, max: 400 }), (from, length) => {
        const part = token.slice(from, from + length);
        const shown = careful(`Bad: ${spell(part).slice(0, 3_000)}`, 2_000);
        for (const piece of cut(part, 10).filter((one) => one.length === 10)) {
          expect(shown).not.toContain(piece);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is told from texts that only resemble it', () => {
    fc.assert(
      fc.property(fc.lorem({ maxCount: 60 }), fc.uuid(), (words, id) => {
        const text = `AADSTS50013: ${words} Trace ID: ${id}`;
        expect(careful(text, 4_000)).toBe(text);
      }),
    );
    expect(careful(entraText, 2_000)).toBe(entraText);
  });
});
