/**
 * Answers of Entra that are damaged, hostile or only odd. An exchange must end in time with a sound token or
 * an error. Neither the log nor the client's answer may hold an assertion, a token or a character
 * that a terminal acts on.
 */
import fc from 'fast-check';
import type { HttpReply } from '../src/proxy/entra/transport/transport.ts';
import { ProxyError } from '../src/proxy/errors.ts';
import { toErrorResponse } from '../src/proxy/protocol/imds.ts';
import {
  type Answer,
  createScenario,
  makeAssertion,
  refusalReply,
  tokenReply,
} from '../test/unit/entra/support.ts';
import { check, type FuzzTarget } from './target.ts';

const secretPart = 'CANARYsecretsecretsecretsecretsecret';
const assertion = makeAssertion(undefined, secretPart);
const accessToken = `eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.${secretPart}`;

const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    assertion,
    accessToken,
    `AADSTS700213: ${assertion}`,
    `\u009b31m\u202e`,
    'IMDS is unreachable. Identity not found',
    '<html>proxy</html>',
    'x'.repeat(100_000),
  ),
  // An intercepting proxy may break a text that it quotes into lines.
  fc.integer({ min: 1, max: 60 }).map((length) => {
    const words: string[] = [];
    for (let at = 0; at < assertion.length; at += length)
      words.push(assertion.slice(at, at + length));
    return words.join(' ');
  }),
);
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  oddText,
  fc.constantFrom(0, -1, 1, 3e11, 1e12, 1e13, Number.MAX_SAFE_INTEGER, 1e308, null, true, [], {}),
  fc.double(),
  fc.jsonValue({ maxDepth: 2 }),
);
const status = fc.oneof(
  fc.constantFrom(200, 400, 401, 403, 404, 429, 500, 503),
  fc.integer({ min: 100, max: 599 }),
);
const headers = fc.dictionary(
  fc.constantFrom('content-type', 'retry-after', 'date', 'location', 'content-encoding'),
  fc.oneof(
    fc.constantFrom('application/json', 'text/html', '0', '1', '-1', '1e9', 'never'),
    oddText,
  ),
  { maxKeys: 3 },
);

const answer: fc.Arbitrary<Answer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.dictionary(
          fc.constantFrom(
            'access_token',
            'token_type',
            'expires_in',
            'ext_expires_in',
            'refresh_in',
          ),
          oddValue,
          { maxKeys: 3 },
        ),
        headers,
      )
      .map(([fields, extra]) => withHeaders(tokenReply(fields), extra)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.dictionary(
          fc.constantFrom(
            'error',
            'error_description',
            'error_codes',
            'trace_id',
            'correlation_id',
            'timestamp',
            'suberror',
          ),
          oddValue,
          { maxKeys: 4 },
        ),
        fc.constantFrom(700_213, 700_016, 700_024, 90_002, 50_196, 1),
        status,
        headers,
      )
      .map(([fields, aadsts, code, extra]) =>
        withHeaders(refusalReply(aadsts, fields, code), extra),
      ),
  },
  fc.record({
    status,
    headers,
    text: fc.oneof(
      oddText,
      oddValue.map((value) => JSON.stringify(value) ?? ''),
    ),
  }),
  fc.constantFrom<Answer>(
    'hang',
    Object.assign(new Error(`socket ${assertion}`), { code: 'ECONNRESET' }),
  ),
);

export const entraTarget: FuzzTarget = {
  name: 'entra',
  fuzz: (options) =>
    check(
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 4 }), async (answers) => {
        const scenario = createScenario(answers);
        scenario.file = assertion;
        const settled = await scenario.run();
        assertClean(JSON.stringify(scenario.logger.lines), 'the log');
        if (settled.status === 'fulfilled') {
          const { accessToken: token, expiresInSeconds, extExpiresInSeconds } = settled.value;
          if (typeof token !== 'string' || token === '') throw new Error('no token in a success');
          for (const seconds of [expiresInSeconds, extExpiresInSeconds]) {
            // Clients need a date, so the life must fit into one.
            if (!(seconds > 0 && seconds < 1e10)) throw new Error(`a life of ${seconds} s`);
          }
          return;
        }
        const error: unknown = settled.reason;
        if (!(error instanceof ProxyError)) throw new Error(`not a ProxyError: ${error}`);
        assertClean(toErrorResponse(error).body, 'the answer');
      }),
      options,
    ),
};

function withHeaders(reply: HttpReply, extra: Readonly<Record<string, string>>): HttpReply {
  return { ...reply, headers: { ...reply.headers, ...extra } };
}

/** @throws if a text has a piece of a secret or a control character. */
function assertClean(text: string, where: string): void {
  if (text.includes('CANARY') || text.includes(secretPart.slice(0, 20))) {
    throw new Error(`a secret in ${where}: ${text.slice(0, 400)}`);
  }
  const [control] = /[\p{Cc}\p{Cf}]/u.exec(text) ?? [];
  if (control !== undefined) {
    throw new Error(`U+${control.codePointAt(0)?.toString(16)} in ${where}: ${text.slice(0, 400)}`);
  }
}
