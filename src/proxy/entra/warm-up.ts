import { duplexPair } from 'node:stream';
import type { Logger } from '../../shared/logger.ts';
import { systemClock } from '../clock.ts';
import { createEntraExchange } from './exchange/exchange.ts';
import { createExtraCaReader } from './transport/ca-file.ts';
import { createUndiciTransport } from './transport/undici-transport.ts';

/** What an exchange needs of a pod, made up by the build. */
export interface MadeUpPod {
  readonly tokenFile: string;
  readonly caFile: string;
  /** A port of the loopback address that answers every request as Entra does, without TLS. */
  readonly entraPort: number;
}

/**
 * Performs one exchange from end to end, with a peer in memory because MSAL insists on https, and one request over
 * a real connection. This compiles MSAL, undici, its WebAssembly parser and our own code. The build runs it
 * before it takes the V8 code cache.
 * @throws Error if there is no token at the end.
 */
export async function warmUpExchange({ tokenFile, caFile, entraPort }: MadeUpPod): Promise<void> {
  const { signal } = new AbortController();
  const readCa = createExtraCaReader({ clock: systemClock, logger: silentLogger }, caFile);
  const transport = createUndiciTransport({ connect: createPeer, readCa });
  const network = createUndiciTransport();
  const exchange = createEntraExchange(
    { clock: systemClock, logger: silentLogger, transport },
    { authorityHost: 'https://warm-up.invalid', federatedTokenFile: tokenFile },
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
      signal,
    );
    await network.post(`http://localhost:${entraPort}/`, {}, 'warm-up', signal);
  } finally {
    await Promise.all([transport.close(), network.close()]);
  }
}

const silentLogger: Logger = { isEnabled: () => false, log: () => {} };

/** What Entra answers, in short. */
export const madeUpReply = JSON.stringify({
  token_type: 'Bearer',
  access_token: 'warm-up',
  expires_in: 3_599,
});

function createPeer(): ReturnType<typeof duplexPair>[number] {
  const [ours, theirs] = duplexPair();
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${madeUpReply.length}\r\n\r\n${madeUpReply}`;
  theirs.once('data', () => theirs.write(answer));
  return ours;
}
