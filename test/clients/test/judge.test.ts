/** The laboratory must be able to fail: what its judge accepts, and what it does not. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../lab/client.ts';
import { judge, type Seen } from '../lab/judge.ts';
import type { RecordedRequest } from '../lab/tap.ts';

const client: Client = {
  id: 'x',
  language: 'Go',
  library: 'x',
  version: '1.0.0',
  program: 'x',
  abilities: ['token', 'clientId', 'chain'],
  refusal: { error: 'Refused' },
  caveats: {
    concurrent: { observed: { error: 'Busy' }, isOccasional: true, because: 'it is impatient' },
    down: { observed: { error: 'Down' }, because: 'it never tries again' },
    throttled: { observed: { error: 'exit 1', words: 'too many' }, because: 'it never waits' },
  },
};
const token: Seen = { kind: 'token' };
const refused = (error: string, message: string): Seen => ({ kind: 'error', error, message });
const explained = 'AADSTS700016: no such application. Hint: check the client ID.';

const fifty = (count: number): readonly Seen[] => Array.from({ length: count }, () => token);
const busy = refused('Busy', 'x');
const other = refused('Other', 'x');

describe('the judge of the laboratory', () => {
  test.each<[string, Parameters<typeof judge>[1], readonly Seen[], string]>([
    ['a token where one is due', 'default', [token], 'passed'],
    ['no outcome', 'default', [], 'failed'],
    ['an error where a token is due', 'default', [refused('Refused', explained)], 'failed'],
    ['one error among tokens', 'twoIdentities', [token, refused('Down', 'x')], 'failed'],
    ['two tokens', 'twoIdentities', [token, token], 'passed'],
    ['a token of another identity', 'default', [{ kind: 'wrong', why: 'of another' }], 'failed'],
    ['a refusal that is explained', 'unknown', [refused('Refused', explained)], 'passed'],
    ['a refusal without the hint', 'unknown', [refused('Refused', 'AADSTS700016')], 'failed'],
    ['a refusal of another class', 'unknown', [refused('Other', explained)], 'failed'],
    ['a token for an unknown identity', 'unknown', [token], 'failed'],
    ['the next credential', 'beforeFallback', [{ kind: 'fallback' }], 'passed'],
    ['the end of a chain', 'beforeFallback', [refused('Refused', explained)], 'failed'],
    ['what is known of the client', 'down', [refused('Down', 'x')], 'caveat'],
    ['a token where an error is known', 'down', [token], 'failed'],
    ['another error than is known', 'down', [refused('Refused', 'x')], 'failed'],
    ['the words that are known of it', 'throttled', [refused('exit 1', 'too many here')], 'caveat'],
    ['the same error in other words', 'throttled', [refused('exit 1', 'no route')], 'failed'],
    ['a wrong token under a caveat', 'down', [{ kind: 'wrong', why: 'of another' }], 'failed'],
    ['what is seen now and then', 'concurrent', [...fifty(48), busy, busy], 'caveat'],
    ['what is not seen this time', 'concurrent', fifty(50), 'passed'],
    ['something else than is seen now and then', 'concurrent', [...fifty(49), other], 'failed'],
    ['what the library has not', 'objectId', [], 'not offered'],
  ])('%s', (_, scenario, seen, verdict) => {
    expect(judge(client, scenario, seen).verdict).toBe(verdict);
  });

  const reader: Client = { ...client, abilities: ['secret'] };
  test.each<[string, Client, Seen, string]>([
    ['a token', client, token, 'passed'],
    ['an error', client, refused('Down', 'x'), 'gave up'],
    ['a wrong token', client, { kind: 'wrong', why: 'of another' }, 'failed'],
    ['the secret that a client without tokens reads', reader, { kind: 'secret' }, 'passed'],
    ['an error of such a client', reader, refused('Down', 'x'), 'gave up'],
    ['something else of such a client', reader, { kind: 'blob' }, 'failed'],
  ])('after a long outage, %s', (_, one, seen, verdict) => {
    expect(judge(one, 'outage', [seen]).verdict).toBe(verdict);
  });

  const probe = (answerMs?: number): RecordedRequest => ({
    bytes: 'GET /metadata/identity/oauth2/token HTTP/1.1\r\n\r\n',
    status: 400,
    answerMs,
  });
  const request: RecordedRequest = {
    bytes: 'GET /metadata/identity/oauth2/token?x HTTP/1.1\r\nMetadata: true\r\n\r\n',
    status: 200,
    answerMs: 900,
  };
  test.each<[string, readonly RecordedRequest[], string]>([
    ['probes that were answered in time', [probe(3), probe(299), request], 'caveat'],
    ['a probe that was answered too late', [probe(3), probe(301)], 'failed'],
    ['a probe that was not answered', [probe(3), probe()], 'failed'],
    ['no probe at all', [request], 'failed'],
  ])('a client that gives up after %s', (_, requests, verdict) => {
    const impatient: Client = {
      ...client,
      caveats: {
        concurrent: { observed: { error: 'Busy' }, isOccasional: true, probeMs: 300, because: '' },
      },
    };
    const seen = [...fifty(49), busy];
    expect(judge(impatient, 'concurrent', seen, requests).verdict).toBe(verdict);
    expect(judge(impatient, 'concurrent', fifty(50), requests).verdict).toBe('passed');
  });
});
