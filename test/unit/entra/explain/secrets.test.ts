import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { HttpReply } from '../../../../src/proxy/entra/transport/transport.ts';
import {
  clusterClaims,
  createScenario,
  jsonReply,
  makeAssertion,
  refusalReply,
  tokenReply,
} from '../support.ts';

const canary = 'CANARY'.padEnd(80, 'x');
const assertion = makeAssertion(
  { ...clusterClaims, jti: canary, uid: randomBytes(90).toString('base64url') },
  `${canary}${randomBytes(256).toString('base64url')}`,
);
const accessToken = makeAssertion({ jti: canary, appid: 'x' }, canary);
const opaqueToken = 'opaque-CANARY-token';
const secrets = [...assertion.split('.').slice(1), ...accessToken.split('.').slice(1), opaqueToken];

const echo = `Invalid assertion ${assertion} (client_assertion=${assertion}&x=y)`;

/** Every shape of answer, each with as much of the secrets in it as would fit. */
const answers: readonly [string, HttpReply | Error][] = [
  ['a token', tokenReply({ access_token: accessToken })],
  ['an opaque token', tokenReply({ access_token: opaqueToken })],
  ['a token of unknown life', tokenReply({ access_token: accessToken, expires_in: 0 })],
  ['an opaque token of unknown life', tokenReply({ access_token: opaqueToken, expires_in: 0 })],
  ['half a token', { status: 200, headers: {}, text: `{"access_token":"${accessToken}` }],
  ['half an opaque token', { status: 200, headers: {}, text: `{"access_token":"${opaqueToken}` }],
  ['a refusal that echoes', refusalReply(700213, { error_description: echo })],
  [
    'a refusal that echoes everywhere',
    jsonReply(
      400,
      {
        error: assertion,
        error_description: echo,
        error_codes: [700016],
        trace_id: assertion,
        correlation_id: assertion,
        timestamp: assertion,
        suberror: assertion,
      },
      { 'x-ms-request-id': assertion },
    ),
  ],
  ['throttling that echoes', jsonReply(429, { error: 'x', error_description: echo })],
  ['a page that echoes', { status: 403, headers: {}, text: `<html>${echo}</html>` }],
  ['an error of the transport that echoes', Object.assign(new Error(echo), { code: 'ECONNRESET' })],
  ['an error with the request in it', Object.assign(new TypeError(echo), { options: echo })],
];

const pieces = (length: number): string =>
  (assertion.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join(' ');

/** The assertion in forms that no pattern of a token fits. */
const cutUp: readonly [string, HttpReply][] = [
  ['words of 30 characters', refusalReply(70021, { error_description: pieces(30) })],
  ['words of 8 characters', refusalReply(70021, { error_description: pieces(8) })],
  ['lines', refusalReply(70021, { error_description: pieces(60).replaceAll(' ', '\r\n') })],
  ['a page with words of 30 characters', { status: 403, headers: {}, text: `<p>${pieces(30)}` }],
  ['a Kubernetes Status', jsonReply(500, { kind: 'Status', message: pieces(30) })],
  [
    'base64',
    refusalReply(70021, {
      error_description: (
        Buffer.from(assertion)
          .toString('base64')
          .match(/.{1,50}/g) ?? []
      ).join(' '),
    }),
  ],
  ['the error itself', refusalReply(70021, { error: assertion.slice(-60) })],
  ['a time stamp', refusalReply(70021, { timestamp: assertion.slice(-40) })],
];

describe('T24: no token and no assertion in any line of the log nor in any error', () => {
  it.each(answers)('%s', async (_name, answer) => {
    const scenario = createScenario([answer]);
    scenario.file = assertion;
    const result = await scenario.run();

    const { logger, transport } = scenario;
    expect(transport.posts[0]?.form.get('client_assertion')).toBe(assertion);
    const levels = new Set(logger.lines.map(({ level }) => level));
    expect(levels).toContain('trace');
    expect(levels).toContain('debug');
    expect(logger.lines.some(({ message }) => message.startsWith('msal: '))).toBe(true);

    const told = JSON.stringify(logger.lines);
    const { code, message, details } = result.status === 'rejected' ? result.reason : {};
    const error = JSON.stringify({ code, message, details });
    for (const secret of secrets) {
      expect(told).not.toContain(secret);
      expect(error).not.toContain(secret);
    }
  });

  it.each(cutUp)('an assertion cut up: %s', async (_name, answer) => {
    const scenario = createScenario([answer]);
    scenario.file = assertion;
    const result = await scenario.run();
    const { message, details } = result.status === 'rejected' ? result.reason : {};
    const told = JSON.stringify([scenario.logger.lines, message, details]);
    const encoded = Buffer.from(assertion).toString('base64');
    for (const secret of [assertion, encoded]) {
      for (let at = 0; at + 8 <= secret.length; at += 8) {
        expect(told).not.toContain(secret.slice(at, at + 8));
      }
    }
  });

  it('finds the codes and IDs of a refusal in the log all the same', async () => {
    const scenario = createScenario([
      refusalReply(700213, { error_description: `AADSTS700213: ${echo}` }),
    ]);
    scenario.file = assertion;
    await scenario.run();
    const warning = inspect(scenario.logger.lines.at(-1));
    expect(warning).toContain('AADSTS700213: Invalid assertion [redacted]');
    expect(warning).toContain('44444444-4444-4444-4444-444444444444');
    expect(warning).toContain('55555555-5555-5555-5555-555555555555');
  });

  it.each([
    ['that is not a JWT', opaqueToken],
    ['that has expired', makeAssertion({ ...clusterClaims, exp: 1, jti: canary }, canary)],
    [
      'for identity binding',
      makeAssertion({ aud: 'api://AKSIdentityBinding', jti: canary }, canary),
    ],
    ['that has two parts', `${opaqueToken.repeat(5_000)}.${canary}`],
  ])('an assertion %s', async (_name, file) => {
    const scenario = createScenario([tokenReply()]);
    scenario.file = file;
    const result = await scenario.run();
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ASSERTION' } });
    const told = inspect([scenario.logger.lines, result], { depth: 10 });
    for (const secret of [opaqueToken, canary, ...file.split('.').slice(1)]) {
      expect(told).not.toContain(secret);
    }
  });
});
