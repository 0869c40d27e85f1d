import { ProxyError } from '../errors.ts';
import {
  toAppServiceQuery,
  toAppServiceVersion,
  toSecretHeader,
} from '../imds/app-service-request.ts';
import { toAppServiceBody } from '../imds/app-service-response.ts';
import { parseQuery } from '../imds/query.ts';
import type { RequestTarget } from '../imds/target.ts';
import type { Guard } from './guard.ts';
import type { Call } from './reply.ts';
import { isSameSecret } from './secret.ts';
import type { TokenHandler } from './token-handler.ts';

export interface AppServiceDeps {
  /** One that does not ask for the Metadata header, which App Service does not know. */
  readonly guard: Guard;
  readonly tokens: TokenHandler;
  /** What the application has in IDENTITY_HEADER. */
  readonly identityHeader: string;
}

/** Serves App Service's managed identity protocol, which clients use when their environment names it. */
export interface AppServiceHandler {
  /**
   * Answers a GET of the token path.
   * @throws ProxyError if there is no token, as for IMDS, or with ERR_IDENTITY_HEADER; nothing has been
   * written then.
   */
  answer(call: Call, target: RequestTarget): Promise<void>;
}

/**
 * Each request is understood anew and its secret compared: unlike those of IMDS, its target alone says
 * nothing about whether it may have a token.
 */
export function createAppServiceHandler({
  guard,
  tokens,
  identityHeader,
}: AppServiceDeps): AppServiceHandler {
  return {
    async answer(call, { authority, query: rawQuery }) {
      const refusal = guard(call.request, authority);
      if (refusal !== undefined) throw new ProxyError(refusal, 'the request is not one for us');
      const query = parseQuery(rawQuery);
      const version = toAppServiceVersion(query);
      assertSecret(call.request.rawHeaders, toSecretHeader(version), identityHeader);
      await tokens.answerAs(call, toAppServiceQuery(version, query), (token) =>
        toAppServiceBody(version, token),
      );
    },
  };
}

/** The header has to come once: whichever of two a client meant, somebody else has added the other. */
function assertSecret(rawHeaders: readonly string[], headerName: string, secret: string): void {
  const given = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === headerName,
  );
  const [value] = given;
  if (value === undefined) throw refusal(headerName, 'missing');
  if (given.length > 1) throw refusal(headerName, 'given more than once');
  if (!isSameSecret(value, secret)) throw refusal(headerName, 'wrong');
}

function refusal(headerName: string, fault: string): ProxyError {
  return new ProxyError('ERR_IDENTITY_HEADER', `header ${headerName} is ${fault}`, {
    description: `The header ${headerName} is ${fault}`,
  });
}
