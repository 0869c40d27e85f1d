import { redactTokens, toPrintable } from '../../shared/untrusted-text.ts';
import type { ErrorCode, ErrorDetails, ProxyError } from '../errors.ts';

/** An error as it goes to the client. */
export interface ErrorResponse {
  readonly status: 400 | 401 | 404 | 405 | 408 | 413 | 414 | 429 | 431 | 500 | 503 | 508;
  /** Only with 429 and 503: MSAL for Python replays any other answer that has it from a cache. */
  readonly retryAfterSeconds: number | undefined;
  /** One line of JSON, always with a string `error` and a string `error_description`. */
  readonly body: string;
}

/** An error before it has the form of a protocol. */
export interface DescribedError extends Omit<ErrorResponse, 'body'> {
  readonly error: string;
  readonly description: string;
}

/** The fixed part of an answer. `text` is for errors without a description. */
interface Wording {
  readonly status: ErrorResponse['status'];
  readonly error: string;
  readonly text: string;
}

/** The texts of the real service, captured; SDKs and people look for them. */
const headerText = 'Required metadata header not specified';
const resourceText = "Required query variable 'resource' is missing";
const identityText = 'Identity not found';
const ambiguousText =
  'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request';
const throttledText = 'Temporarily throttled, too many requests';
const apiVersionError =
  'Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds';

/**
 * Status and texts for the client. Final errors are 400, because SDKs abort a credential chain on 401 and 403,
 * and retry 404, 410 and 5xx for up to a minute. Errors that a retry may cure are 429 and 503. The only 401 is
 * App Service's own.
 */
export function describeError({ code, details }: ProxyError): DescribedError {
  const { status, error, text } = toWording(code, details);
  return {
    status,
    retryAfterSeconds: toRetryAfterSeconds(status, details.retryAfterSeconds),
    error,
    description: toDescription(code, text, details),
  };
}

function toWording(code: ErrorCode, details: ErrorDetails): Wording {
  switch (code) {
    case 'ERR_METADATA_HEADER':
      return invalidRequest(headerText);
    case 'ERR_FORWARDED':
      return invalidRequest('Requests that a proxy has forwarded are not served');
    case 'ERR_HOST':
      return invalidRequest('The Host header does not name the metadata service');
    case 'ERR_IDENTITY_HEADER':
      return {
        status: 401,
        error: 'unauthorized',
        text: 'The header with the secret is missing, wrong or given more than once',
      };
    case 'ERR_MALFORMED_QUERY':
      return invalidRequest('The query is malformed');
    case 'ERR_DUPLICATE_QUERY':
      return invalidRequest('A query variable is given more than once');
    case 'ERR_RESOURCE_MISSING':
      return invalidRequest(resourceText);
    case 'ERR_SELECTOR_NAME':
      return invalidRequest('A query name does not select an identity');
    case 'ERR_IDENTITY_NOT_FOUND':
    case 'ERR_IDENTITY_NOT_ALLOWED':
      return invalidRequest(identityText);
    case 'ERR_IDENTITY_CONFLICT':
      return invalidRequest('The selectors of the request mean different identities');
    case 'ERR_IDENTITY_AMBIGUOUS':
      return invalidRequest(ambiguousText);
    case 'ERR_API_VERSION':
      return { status: 400, error: apiVersionError, text: 'Use api-version=2018-02-01 or later' };
    case 'ERR_RESOURCE_INVALID':
      return { status: 400, error: 'invalid_resource', text: 'The resource is malformed' };
    case 'ERR_RESOURCE_NOT_ALLOWED':
      return {
        status: 400,
        error: 'invalid_resource',
        text: 'The resource is not in the list of resources that this proxy may ask for',
      };
    case 'ERR_REJECTED':
      return {
        status: 400,
        error: toClientText(details.oauthError || 'invalid_request'),
        text: 'Microsoft Entra refused to issue a token',
      };
    case 'ERR_HTTP_MALFORMED':
      return badRequest(400, 'The request is not valid HTTP/1.1');
    case 'ERR_HTTP_TIMEOUT':
      return badRequest(408, 'The request did not arrive in time');
    case 'ERR_HTTP_BODY':
      return badRequest(413, 'The request has a body that is not read');
    case 'ERR_HTTP_TARGET':
      return badRequest(414, 'The request target is too long');
    case 'ERR_HTTP_HEADERS':
      return badRequest(431, 'The request line and headers are too long');
    case 'ERR_PATH':
      return { status: 404, error: 'not_found', text: 'This path is not served here' };
    case 'ERR_IMDS_V2':
      // Azure.Core for .NET probes for it. 400 would mean that it is here, and from 1.59 on it retries 404 for 25 s.
      return { status: 405, error: 'method_not_allowed', text: 'IMDSv2 is not served here' };
    case 'ERR_METHOD':
      return { status: 405, error: 'method_not_allowed', text: 'Only GET is served here' };
    case 'ERR_THROTTLED':
      return { status: 429, error: 'too_many_requests', text: throttledText };
    case 'ERR_ASSERTION':
      return unavailable('The ServiceAccount token cannot be presented now');
    case 'ERR_UNAVAILABLE':
      return unavailable('Microsoft Entra could not be asked for a token');
    case 'ERR_TIMEOUT':
      return unavailable('Microsoft Entra did not answer in time');
    case 'ERR_PASSTHROUGH':
      return unavailable('The metadata service of the node did not answer');
    case 'ERR_SHUTTING_DOWN':
      return unavailable('The proxy is shutting down');
    case 'ERR_LOOP':
      return {
        status: 508,
        error: 'loop_detected',
        text: 'The proxy received its own request: the redirect applies to the proxy itself',
      };
    case 'ERR_INTERNAL':
      return {
        status: 500,
        error: 'server_error',
        text: 'The proxy failed; its log has the reason under the x-ms-request-id of this answer',
      };
    default:
      return code satisfies never;
  }
}

function invalidRequest(text: string): Wording {
  return { status: 400, error: 'invalid_request', text };
}

function badRequest(status: Wording['status'], text: string): Wording {
  return { status, error: 'bad_request', text };
}

function unavailable(text: string): Wording {
  return { status: 503, error: 'service_unavailable', text };
}

function toDescription(code: ErrorCode, text: string, details: ErrorDetails): string {
  // The message of an internal fault is for the log only.
  if (code === 'ERR_INTERNAL') return text;
  const { description, hint } = details;
  // Clients match on our fixed texts, so only additions are cleaned.
  if (description === undefined && hint === undefined) return text;
  const added = code === 'ERR_THROTTLED' && description ? `${text}: ${description}` : description;
  const cause = added ? toClientText(added) : text;
  if (hint === undefined) return cause;
  return `${cause}${cause.endsWith('.') ? '' : '.'} Hint: ${toClientText(hint)}`;
}

/**
 * Seconds until a retry makes sense. For 429 it is Entra's value, at most an hour. For 503 it is short, because
 * some clients wait for it whatever it is, and none waits for more than a minute.
 */
function toRetryAfterSeconds(
  status: ErrorResponse['status'],
  asked: number | undefined,
): number | undefined {
  if (status === 429) return clamp(asked ?? 5, 3_600);
  if (status === 503) return clamp(asked ?? 1, 5);
  return undefined;
}

function clamp(seconds: number, maximum: number): number {
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), maximum) : maximum;
}

/** More than any answer of Entra's; an intercepting proxy's page may be longer. */
const maxLength = 4_096;

/**
 * Cleans a text from elsewhere for a client. SDKs act on two phrases, which must not be in it by accident: on
 * "unreachable", Docker Desktop's answer, the SDKs of Python, Go and .NET conclude that there is no IMDS, and on
 * "Identity not found" .NET skips the credential.
 */
export function toClientText(text: string): string {
  return toPrintable(redactTokens(text))
    .slice(0, maxLength)
    .replace(/unreachable/gi, 'not reachable')
    .replace(/identity not found/gi, 'identity was not found');
}
