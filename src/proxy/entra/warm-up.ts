import { duplexPair } from 'node:stream';
import type { Logger } from '../../shared/logger.ts';
import { systemClock } from '../clock.ts';
import { createEntraExchange } from './exchange/exchange.ts';
import { createUndiciTransport } from './transport/undici-transport.ts';

/**
 * Performs one exchange from end to end with made-up values against a peer in memory. This compiles MSAL, undici
 * and its WebAssembly parser, and parses the root certificates. It uses neither network nor files. The build
 * runs it before it takes the V8 code cache.
 */
export async function warmUpExchange(): Promise<void> {
  const transport = createUndiciTransport({ connect: createPeer });
  const exchange = createEntraExchange(
    {
      clock: systemClock,
      logger: silentLogger,
      transport,
      readFile: () => Promise.resolve(madeUpAssertion()),
    },
    // The peer speaks plain HTTP; it is MSAL that insists on https.
    { authorityHost: 'https://warm-up.invalid', federatedTokenFile: '/warm-up' },
  );
  try {
    await exchange(
      {
        identity: {
          clientId: '00000000-0000-0000-0000-000000000000',
          tenantId: '00000000-0000-0000-0000-000000000000',
        },
        resource: 'https://warm-up.invalid',
      },
      new AbortController().signal,
    );
  } finally {
    await transport.close();
  }
}

const silentLogger: Logger = { isEnabled: () => false, log: () => {} };

function createPeer(): ReturnType<typeof duplexPair>[number] {
  const [ours, theirs] = duplexPair();
  const body = JSON.stringify({ token_type: 'Bearer', access_token: 'warm-up', expires_in: 3_599 });
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  theirs.once('data', () => theirs.write(answer));
  return ours;
}

function madeUpAssertion(): string {
  const claims = { iss: 'https://warm-up.invalid', sub: 'warm-up', aud: ['warm-up'] };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.e30`;
}
