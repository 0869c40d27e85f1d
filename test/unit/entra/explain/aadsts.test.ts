import { describe, expect, it } from 'vitest';
import { aadstsRules, findAadstsRule } from '../../../../src/proxy/entra/explain/aadsts.ts';
import type { ErrorCode } from '../../../../src/proxy/errors.ts';
import { clusterClaims, createScenario, refusalReply, request } from '../support.ts';

/** Each number: the outcome of the exchange, the number of POSTs, and words that its hint must contain. */
const expected: readonly [codes: number[], code: ErrorCode, posts: number, hint: RegExp][] = [
  [[70021], 'ERR_REJECTED', 3, /issuer, subject and audience/],
  [[700211], 'ERR_REJECTED', 3, /issuer of the presented token, https:\/\/westeurope/],
  [[700212], 'ERR_REJECTED', 3, /audience of the presented token, api:\/\/AzureADTokenExchange/],
  [[700213], 'ERR_REJECTED', 3, /subject of the presented token, system:serviceaccount:shop/],
  [[7002138], 'ERR_REJECTED', 1, /system:serviceaccount:shop:checkout in other case/],
  [[70025], 'ERR_REJECTED', 3, /11111111-.* has no federated credential/],
  [[700016], 'ERR_REJECTED', 1, /tenant 22222222-.* client ID 11111111-.*AZURE_TENANT_ID/],
  [[7000112], 'ERR_REJECTED', 1, /enable sign-in/],
  [[700024], 'ERR_ASSERTION', 1, /valid until 2096-10-02T.*NTP.*AZURE_FEDERATED_TOKEN_FILE/],
  [[70023], 'ERR_REJECTED', 1, /86400/],
  [[50013, 50027, 700027], 'ERR_REJECTED', 1, /https:\/\/westeurope.* publishes/],
  [[7000272], 'ERR_REJECTED', 3, /https:\/\/westeurope.* does not publish/],
  [[5002723, 5002738], 'ERR_REJECTED', 1, /RS256 and name its key/],
  [[700021, 700023], 'ERR_REJECTED', 1, /not a projected ServiceAccount token/],
  [
    [700222, 700223, 700224, 700225, 700226, 700227, 700228, 700229],
    'ERR_REJECTED',
    1,
    /only the ServiceAccount token/,
  ],
  [[90061], 'ERR_UNAVAILABLE', 3, /openid-configuration/],
  [[90002], 'ERR_REJECTED', 1, /AZURE_TENANT_ID.*AZURE_AUTHORITY_HOST/],
  [[900023], 'ERR_REJECTED', 1, /GUID or a domain/],
  [[90038, 900382, 900432], 'ERR_REJECTED', 1, /another cloud.*AZURE_AUTHORITY_HOST/],
  [[500011, 50001], 'ERR_REJECTED', 1, /trailing slash/],
  [[70011, 1002012, 28002], 'ERR_REJECTED', 1, /not a scope/],
  [[700022], 'ERR_REJECTED', 1, /one resource/],
  [[90014], 'ERR_REJECTED', 1, /claim that the token of AZURE_FEDERATED_TOKEN_FILE does not have/],
  [[90011], 'ERR_INTERNAL', 1, /client_assertion_type.*report this/],
  [[900144, 7000218], 'ERR_INTERNAL', 1, /report this/],
  [[7000215, 7000222], 'ERR_REJECTED', 1, /No client secret/],
  [[100007], 'ERR_REJECTED', 1, /REGIONAL_AUTHORITY/],
  [[53003, 530032], 'ERR_REJECTED', 1, /Conditional Access/],
  [[500021, 500022], 'ERR_REJECTED', 1, /outbound proxy/i],
  [[65001, 650051], 'ERR_REJECTED', 1, /admin consent/],
  [[50196], 'ERR_THROTTLED', 1, /crash loops/],
  [[90055], 'ERR_THROTTLED', 3, /too many requests/],
  [[90033, 90024, 90006, 90012, 90090, 50033], 'ERR_UNAVAILABLE', 4, /fault of Entra/],
  [[90036], 'ERR_UNAVAILABLE', 1, /support request/],
];

describe('AADSTS table', () => {
  it.each(expected.flatMap(([codes, ...rest]) => codes.map((code) => [code, ...rest] as const)))(
    'AADSTS%i becomes %s after %i POSTs, with a hint',
    async (aadsts, code, posts, hint) => {
      const scenario = createScenario([refusalReply(aadsts, { error: 'some_error' }, 400)]);
      const result = await scenario.run();
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          code,
          details: {
            oauthError: 'some_error',
            aadsts,
            description: expect.stringContaining(`AADSTS${aadsts}: Something is wrong.`),
            hint: expect.stringMatching(hint),
            correlationId: '55555555-5555-5555-5555-555555555555',
            traceId: '44444444-4444-4444-4444-444444444444',
            timestamp: '2026-01-01 00:00:00Z',
            assertionExpiresAtSeconds: clusterClaims.exp,
          },
        },
      });
      expect(scenario.transport.posts).toHaveLength(posts);
    },
  );

  it('has no number twice, and every number is in this test', () => {
    const codes = aadstsRules.flatMap((rule) => rule.codes);
    expect(new Set(codes).size).toBe(codes.length);
    expect([...codes].sort()).toEqual(expected.flatMap(([numbers]) => numbers).sort());
  });

  it('fills in every name of every hint', async () => {
    for (const code of aadstsRules.flatMap((rule) => rule.codes)) {
      const { reason } = (await createScenario([
        refusalReply(code),
      ]).run()) as PromiseRejectedResult;
      expect(reason.details.hint).not.toMatch(/undefined|\{\w+\}|\s{2}/);
    }
  });

  it('sends the reader of an unknown number to its page', async () => {
    expect(findAadstsRule(123_456)).toBeUndefined();
    const result = await createScenario([refusalReply(123_456, {}, 403)]).run();
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_REJECTED',
        details: { hint: 'See https://login.microsoftonline.com/error?code=123456.' },
      },
    });
  });

  it('tells a throttled tenant which one it is', async () => {
    const { reason } = (await createScenario([
      refusalReply(90_055),
    ]).run()) as PromiseRejectedResult;
    expect(reason.details.hint).toContain(request.identity.tenantId);
  });
});
