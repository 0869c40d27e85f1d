import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AssertionClaims } from '../../../../src/proxy/entra/exchange/assertion.ts';
import { toAadstsHint } from '../../../../src/proxy/entra/explain/hints.ts';
import { authorityHost, clusterClaims, request } from '../support.ts';

const claims: AssertionClaims = {
  issuer: clusterClaims.iss,
  subject: clusterClaims.sub,
  audiences: clusterClaims.aud,
  expiresAtSeconds: clusterClaims.exp,
};

function hintFor(overrides: Partial<AssertionClaims> = {}): string {
  const presented = {
    authorityHost,
    identity: request.identity,
    claims: { ...claims, ...overrides },
    nowMs: 0,
  };
  return toAadstsHint(70021, presented) ?? '';
}

/** The words a shell makes of a command; `az` itself is not run. */
function toWords(command: string): string[] {
  const script = `az() { printf '%s\\0' "$@"; }; ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

function commandIn(hint: string, start: string, end: string): string {
  const from = hint.indexOf(start);
  expect(from).toBeGreaterThanOrEqual(0);
  return hint.slice(from, hint.indexOf(end, from));
}

describe('hint for a missing federated credential', () => {
  it('names what was presented', () => {
    expect(hintFor()).toContain(
      `Presented were issuer ${clusterClaims.iss}, subject ${clusterClaims.sub} and audience api://AzureADTokenExchange, for the client ID ${request.identity.clientId} in tenant ${request.identity.tenantId}.`,
    );
  });

  it('prints the exact command that adds one', () => {
    expect(hintFor()).toContain(
      `az identity federated-credential create --name shop-checkout --identity-name '<IDENTITY_NAME>' --resource-group '<RESOURCE_GROUP>' --issuer ${clusterClaims.iss} --subject ${clusterClaims.sub} --audiences api://AzureADTokenExchange (`,
    );
  });

  it('prints commands that a shell takes for what they say', () => {
    const subject = "system:serviceaccount:shop:it's $(touch /x)";
    const hint = hintFor({ subject: subject.replaceAll(' ', '`') });
    const words = toWords(commandIn(hint, 'az identity federated', ' (both'));
    expect(words).toEqual([
      'identity',
      'federated-credential',
      'create',
      '--name',
      'shop-it-s-touch-x-',
      '--identity-name',
      '<IDENTITY_NAME>',
      '--resource-group',
      '<RESOURCE_GROUP>',
      '--issuer',
      clusterClaims.iss,
      '--subject',
      subject.replaceAll(' ', '`'),
      '--audiences',
      'api://AzureADTokenExchange',
    ]);
    const application = toWords(commandIn(hint, 'az ad app', '. It takes'));
    expect(JSON.parse(application.at(-1) ?? '')).toEqual({
      name: 'shop-it-s-touch-x-',
      issuer: clusterClaims.iss,
      subject: subject.replaceAll(' ', '`'),
      audiences: ['api://AzureADTokenExchange'],
    });
    expect(toWords(commandIn(hint, 'az identity list', ')')).at(3)).toBe(
      `[?clientId=='${request.identity.clientId}'].[name,resourceGroup]`,
    );
  });

  it.each<[string, Partial<AssertionClaims>]>([
    ['no issuer', { issuer: undefined }],
    ['an issuer that is no https URL', { issuer: 'kubernetes/serviceaccount' }],
    ['no subject', { subject: undefined }],
    ['a subject that az would read as a file', { subject: '@/etc/passwd' }],
    ['a subject that az would take for an option', { subject: '--debug' }],
    ['a subject with a line feed', { subject: 'a\nb' }],
    ['several audiences', { audiences: ['a', 'b'] }],
    ['no audience', { audiences: [] }],
  ])('prints no command for %s', (_name, overrides) => {
    const hint = hintFor(overrides);
    expect(hint).not.toContain('az identity');
    expect(hint).toContain('Presented were');
    expect(hint).not.toContain('\n');
  });

  it('makes a name that Entra accepts of any subject', () => {
    const subject = fc.stringMatching(/^[a-z0-9][!-~]{0,300}$/);
    fc.assert(
      fc.property(subject, (given) => {
        const name = / --name (\S+) /.exec(hintFor({ subject: given }))?.[1];
        expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/);
      }),
    );
  });
});
