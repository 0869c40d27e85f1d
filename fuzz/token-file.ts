/**
 * Random contents of the projected token file: each is presented or refused with the reason, and no
 * message has the content of the file.
 */
import fc from 'fast-check';
import { inspectAssertion } from '../src/proxy/entra/exchange/federated-token.ts';
import { ProxyError } from '../src/proxy/errors.ts';
import {
  clusterClaims,
  createScenario,
  federatedTokenFile,
  makeAssertion,
  tokenReply,
} from '../test/unit/entra/support.ts';
import { check, type FuzzTarget } from './target.ts';

const signature = 'CANARYsignaturesignaturesignature';

const content = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('', ' \n', '..', '{}', 'eyJ', 'a.b.c', '\u0000'.repeat(1_000)),
  fc
    .dictionary(
      fc.constantFrom('iss', 'sub', 'aud', 'exp', 'nbf', 'iat'),
      fc.oneof(
        fc.jsonValue({ maxDepth: 1 }),
        fc.constantFrom(-1, 0, 1, 1e12, 1e300, 'api://AzureADTokenExchange', ['a', 'b'], null),
      ),
    )
    .map((claims) => makeAssertion({ ...clusterClaims, ...claims }, signature)),
  fc.tuple(fc.nat(400), fc.string({ unit: 'binary', maxLength: 3 })).map(([at, bytes]) => {
    const token = makeAssertion(clusterClaims, signature);
    return token.slice(0, at % token.length) + bytes + token.slice((at % token.length) + 1);
  }),
);

export const tokenFileTarget: FuzzTarget = {
  name: 'token-files',
  fuzz: (options) =>
    check(
      fc.asyncProperty(content, async (file) => {
        const scenario = createScenario([tokenReply()]);
        scenario.file = file;
        const settled = await scenario.run();
        if (settled.status === 'rejected') {
          const error: unknown = settled.reason;
          if (!(error instanceof ProxyError) || error.code !== 'ERR_ASSERTION') {
            throw new Error(`not a fault of the token file: ${error}`);
          }
          assertUntold(`${error.message} ${JSON.stringify(error.details)}`);
        } else if (scenario.transport.posts[0]?.form.get('client_assertion') !== file.trim()) {
          throw new Error('the presented assertion differs from the file');
        }
        assertUntold(JSON.stringify(scenario.logger.lines));

        const { fault, doubt } = await inspectAssertion(
          { clock: scenario.clock, readFile: async () => file },
          { path: federatedTokenFile },
        );
        assertUntold(`${fault} ${doubt}`);
        // Readiness judges as the exchange does.
        if (settled.status === 'rejected' && fault === undefined) {
          throw new Error('readiness finds no fault in a file that no exchange takes');
        }
      }),
      options,
    ),
};

function assertUntold(text: string): void {
  if (text.includes(signature)) throw new Error(`the token's signature is told: ${text}`);
}
