import { ProxyError } from '../errors.ts';
import {
  toAppServiceBody,
  toAppServiceQuery,
  toAppServiceVersion,
  toSecretHeader,
} from '../protocol/app-service.ts';
import type { RequestTarget } from '../protocol/target.ts';
import { parseQuery } from '../protocol/token-query.ts';
import { headerValues } from './raw-headers.ts';
import type { Call } from './reply.ts';
import type { TokenHandler } from './token-handler.ts';

export interface AppServiceDeps {
  readonly tokens: TokenHandler;
  /** The value of IDENTITY_HEADER in the application's environment. */
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
 * Parses every request and compares its secret. Unlike IMDS, the target alone does not say whether the request
 * may have a token.
 */
export function createAppServiceHandler({
  tokens,
  identityHeader,
}: AppServiceDeps): AppServiceHandler {
  return {
    async answer(call, { query: rawQuery }) {
      const query = parseQuery(rawQuery);
      const version = toAppServiceVersion(query);
      assertSecret(call.request.rawHeaders, toSecretHeader(version), identityHeader);
      await tokens.answerAs(call, toAppServiceQuery(version, query), (token) =>
        toAppServiceBody(version, token),
      );
    },
  };
}

/** The header must be there once. Of two, somebody other than the client added one. */
function assertSecret(rawHeaders: readonly string[], headerName: string, secret: string): void {
  const given = headerValues(rawHeaders, headerName);
  const [value] = given;
  if (value === undefined) throw refusal(headerName, 'missing');
  if (given.length > 1) throw refusal(headerName, 'given more than once');
  if (!isSameSecret(value, secret)) throw refusal(headerName, 'wrong');
}

function refusal(headerName: string, fault: string): ProxyError {
  return new ProxyError('ERR_IDENTITY_HEADER', `header ${headerName} is ${fault}`, {
    description: `The header ${headerName} is ${fault}`,
    header: headerName,
  });
}

/**
 * Compares a text with a secret. The time depends on their lengths alone, so that nobody can find the secret
 * character by character. node:crypto has such a comparison, but costs an idle server 1.8 MB of memory.
 */
export function isSameSecret(text: string, secret: string): boolean {
  let difference = text.length ^ secret.length;
  for (let index = 0; index < text.length; index += 1) {
    // Past the end of the secret charCodeAt gives NaN, which counts as 0; the lengths differ then.
    difference |= text.charCodeAt(index) ^ secret.charCodeAt(index);
  }
  return difference === 0;
}
