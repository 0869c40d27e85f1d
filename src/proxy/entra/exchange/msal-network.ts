import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Clock } from '../../clock.ts';
import type { Transport } from '../transport/transport.ts';
import { parseTokenReply, type TokenReply } from './token-reply.ts';

/** What came of the one POST; MSAL drops most of it (Retry-After, x-ms-request-id, the cause of a fault). */
export type NetworkOutcome =
  | { readonly kind: 'reply'; readonly reply: TokenReply; readonly sentAtMonotonicMs: number }
  | { readonly kind: 'fault'; readonly thrown: unknown };

export interface MsalNetwork extends INetworkModule {
  /** Undefined while nothing has been sent. */
  readonly outcome: NetworkOutcome | undefined;
}

/**
 * Carries the token POST of one attempt. MSAL is given nothing but a sound token: it would take an answer
 * without `error`, such as a Kubernetes Status, for a success with an empty token, and it would log Entra's
 * texts.
 */
export function createMsalNetwork(
  { clock, transport }: { readonly clock: Clock; readonly transport: Transport },
  signal: AbortSignal,
): MsalNetwork {
  let outcome: NetworkOutcome | undefined;

  const post = async (
    url: string,
    options: NetworkRequestOptions = {},
  ): Promise<NetworkOutcome> => {
    const sentAtMonotonicMs = clock.monotonicMs();
    try {
      const answer = await transport.post(url, options.headers ?? {}, options.body ?? '', signal);
      const reply = parseTokenReply(answer, clock.epochMs());
      return { kind: 'reply', reply, sentAtMonotonicMs };
    } catch (thrown) {
      return { kind: 'fault', thrown };
    }
  };

  return {
    get outcome() {
      return outcome;
    },
    async sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions) {
      outcome = await post(url, options);
      const reply = outcome.kind === 'reply' ? outcome.reply : undefined;
      if (reply?.kind !== 'issued') throw new Error('the POST brought no token');
      const body = {
        token_type: 'Bearer',
        access_token: reply.accessToken,
        expires_in: reply.expiresInSeconds,
      };
      return { status: 200, headers: {}, body: body as T } satisfies NetworkResponse<T>;
    },
    sendGetRequestAsync() {
      return Promise.reject(new Error('MSAL has all it needs and must not look anything up'));
    },
  };
}
