import { describe, expect, it } from 'vitest';
import {
  aadstsCodes,
  isAadstsCode,
  type RefusalValues,
  toAadstsAnswer,
} from '../../../src/emulator/entra-tenant/aadsts-catalogue.ts';

/** Every value that a text may name, each recognisable. */
const values: Required<RefusalValues> = {
  tenant: '<tenant>',
  clientId: '<clientId>',
  scope: '<scope>',
  resource: '<resource>',
  issuer: '<issuer>',
  subject: '<subject>',
  audience: '<audience>',
  name: '<name>',
  now: '<now>',
  notBefore: '<notBefore>',
  expires: '<expires>',
};

describe('the catalogue of AADSTS codes', () => {
  it.each(aadstsCodes)('%i names only values that a request can have', (code) => {
    const { text } = toAadstsAnswer(code, values);
    expect(text).not.toMatch(/[{}]|\(none\)/);
  });

  it.each(aadstsCodes)('%i has a status that goes with its error', (code) => {
    const { status, error } = toAadstsAnswer(code, {});
    if (error === 'temporarily_unavailable') expect([429, 503]).toContain(status);
    else if (error === 'invalid_client') expect(status).toBe(401);
    else expect([400, 429]).toContain(status);
  });

  it('says so where a value is not known', () => {
    expect(toAadstsAnswer(700016, { tenant: 'contoso.com' }).text).toContain(
      "Application with identifier '(none)' was not found in the directory 'contoso.com'",
    );
  });

  it('puts values in as they are, also what looks like a placeholder or a pattern', () => {
    const { text } = toAadstsAnswer(700213, { subject: '{issuer} $1 $&' });
    expect(text).toContain("assertion subject '{issuer} $1 $&'");
  });

  it.each([700211, 50013])('knows %i', (code) => expect(isAadstsCode(code)).toBe(true));
  it.each([0, 1.5, '700211', null, Number.NaN])('does not know %s', (code) => {
    expect(isAadstsCode(code)).toBe(false);
  });
});
