import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, redactAndCut } from '../../../../src/proxy/entra/explain/redact.ts';
import { makeAssertion } from '../support.ts';

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const signature = fc.string({ unit: fc.constantFrom(...base64url), minLength: 86, maxLength: 342 });

describe('redaction', () => {
  it('removes a JWT wherever it stands', () => {
    const jwt = makeAssertion();
    for (const text of [jwt, `a ${jwt} b`, `"${jwt}"`, `x=${jwt}&y`, `${jwt}${jwt}`, `<b>${jwt}`]) {
      for (const part of jwt.split('.')) {
        expect(redact(text)).not.toContain(part);
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
        expect(redact(`before ${piece} after`)).not.toContain(longest);
      }),
    );
  });

  it('removes the value of a name that means a secret, however short and opaque', () => {
    expect(redact('{"access_token":"0.AbC","expires_in":1}')).toBe(
      '{"access_token":"[redacted]","expires_in":1}',
    );
    expect(redact('client_assertion=abc&scope=x')).toBe('client_assertion=[redacted]&scope=x');
    expect(redact('{"refresh_token" : "abc')).not.toContain('abc');
    expect(redact('id_token: abc')).not.toContain('abc');
  });

  it('keeps what Entra says', () => {
    const text =
      "AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:shop:checkout'. The request body must contain 'client_assertion' or 'client_secret'. https://westeurope.oic.prod-aks.azure.com/33333333-3333-3333-3333-333333333333/abc/ Trace ID: 44444444-4444-4444-4444-444444444444 Thumbprint: 0123456789ABCDEF0123456789ABCDEF01234567";
    expect(redact(text)).toBe(text);
  });

  it('cuts after redacting', () => {
    const text = `${'x '.repeat(50)}${makeAssertion()}`;
    const cut = redactAndCut(text, 110);
    expect(cut).toHaveLength(110);
    expect(cut).not.toContain('eyJ');
    expect(redactAndCut('short', 110)).toBe('short');
  });
});
