/** The tables of docs/errors.md: the meaning, the answer and the remedy of each error code and AADSTS number. */

import { toNextStep } from '../src/proxy/entra/exchange/retry.ts';
import { type AadstsRule, aadstsRules } from '../src/proxy/entra/explain/aadsts.ts';
import { explainAnswer } from '../src/proxy/entra/explain/answer.ts';
import type { FailureContext, RetryClass } from '../src/proxy/entra/explain/context.ts';
import { type ErrorCode, ProxyError } from '../src/proxy/errors.ts';
import { toErrorResponse } from '../src/proxy/protocol/imds.ts';
import { toRememberedMs } from '../src/proxy/token/failure-memory.ts';
import { code, renderTable } from './markdown-table.ts';

/** The two sentences about an error that the code does not contain. */
interface Guide {
  readonly when: string;
  readonly remedy: string;
}

/** Complete by its type: a new code does not compile without its two sentences. */
export const errorGuides: Readonly<Record<ErrorCode, Guide>> = {
  ERR_METADATA_HEADER: {
    when: 'The header `Metadata: true` is missing or has another value. SDKs probe like this and treat the answer as "IMDS is here".',
    remedy:
      'Add the header. If no SDK probes, a program that is not an IMDS client sends requests: look at `uri` in the log.',
  },
  ERR_FORWARDED: {
    when: 'The request has `X-Forwarded-For` or `Forwarded`: an HTTP proxy forwarded it.',
    remedy:
      'Send requests directly. Exclude the metadata address from the service mesh or HTTP proxy that adds the header.',
  },
  ERR_HOST: {
    when: '`Host`, or the host of an absolute request target, is not 169.254.169.254, 127.0.0.1, localhost or [::1], is missing, or comes twice.',
    remedy: 'Use one of these names, or add yours to `IMDS_PROXY_ALLOWED_HOSTS`.',
  },
  ERR_IDENTITY_HEADER: {
    when: "On App Service's path only: the header with the secret (`X-IDENTITY-HEADER`, in version 2017-09-01 `Secret`) is missing, wrong or comes twice.",
    remedy:
      'Give the container `IDENTITY_HEADER` (old clients: `MSI_SECRET`) with the value of `IMDS_PROXY_IDENTITY_HEADER`, and restart both after a change.',
  },
  ERR_MALFORMED_QUERY: {
    when: 'The query has a character that a query may not have, or broken percent-encoding.',
    remedy: 'Encode the values, especially `resource`.',
  },
  ERR_DUPLICATE_QUERY: {
    when: 'A query name comes twice.',
    remedy: 'Send each name once.',
  },
  ERR_API_VERSION: {
    when: "`api-version` is missing, is not a date, or is before 2018-02-01. On App Service's path: it is neither 2019-08-01 nor 2017-09-01.",
    remedy: "Send `api-version=2018-02-01`; on App Service's path, 2019-08-01.",
  },
  ERR_RESOURCE_MISSING: {
    when: '`resource` is missing or empty.',
    remedy: 'Name the resource, such as `resource=https://vault.azure.net`.',
  },
  ERR_RESOURCE_INVALID: {
    when: '`resource` has white space or control characters, or is longer than any resource.',
    remedy: 'Send one plain URI or GUID. A plus sign is a space in a query: write `%2B`.',
  },
  ERR_RESOURCE_NOT_ALLOWED: {
    when: '`IMDS_PROXY_ALLOWED_RESOURCES` is set and does not list this resource.',
    remedy: 'Add the resource there, if the application is meant to use it.',
  },
  ERR_SELECTOR_NAME: {
    when: 'A query name means an identity but is not a selector, such as `resource_id`. If the proxy ignored it, it would answer with another identity.',
    remedy: 'Use the name in the answer.',
  },
  ERR_IDENTITY_NOT_FOUND: {
    when: 'The selector matches no identity: a `client_id` that is not a GUID, an `object_id` or resource ID that is in no map, or no selector and no identity configured.',
    remedy:
      'Set `AZURE_CLIENT_ID`, or name the identity with its object and resource ID in `IMDS_PROXY_IDENTITIES`.',
  },
  ERR_IDENTITY_NOT_ALLOWED: {
    when: '`IMDS_PROXY_ALLOWED_CLIENT_IDS` is set and does not list this identity. The client sees only "not found".',
    remedy: 'Add the client ID there, if the application is meant to use it.',
  },
  ERR_IDENTITY_CONFLICT: {
    when: 'Two selectors of one request mean different identities.',
    remedy: 'Send one selector.',
  },
  ERR_IDENTITY_AMBIGUOUS: {
    when: 'The request has no selector, and several identities are configured without a default. Or several identities share the ID.',
    remedy: 'Send a selector, or set `AZURE_CLIENT_ID`.',
  },
  ERR_REJECTED: {
    when: "Entra refused permanently. `error` and text are Entra's own, with the AADSTS number in front.",
    remedy: 'Follow the hint in the text; see [AADSTS codes](#aadsts-codes).',
  },
  ERR_HTTP_MALFORMED: {
    when: 'The request is not HTTP/1.1, or has a `Transfer-Encoding`, which no IMDS client sends.',
    remedy: "Compare the client's request with that of `curl -v`.",
  },
  ERR_PATH: {
    when: 'The path is not served: below `/metadata/identity/` and not the token path, not passed through by `IMDS_PROXY_PASSTHROUGH`, unknown, or there is no metadata service behind the proxy.',
    remedy:
      'Nothing, if an SDK was looking for another cloud or a newer protocol. Otherwise check `IMDS_PROXY_PASSTHROUGH`.',
  },
  ERR_IMDS_V2: {
    when: 'A request for `/metadata/identity/getplatformmetadata` without the header `Metadata`, by Azure.Core for .NET: the application looks for IMDSv2. After the 404 that others get, Azure.Core 1.59 and later look again for 25 s.',
    remedy: 'Nothing: the client continues with the protocol that the proxy serves.',
  },
  ERR_METHOD: {
    when: 'Another method than GET.',
    remedy: 'Use GET. Clients that post a form want the endpoint of another Azure service.',
  },
  ERR_HTTP_TIMEOUT: {
    when: 'The request did not arrive completely within seconds.',
    remedy: 'Check the client: it announced a header or body and did not send it.',
  },
  ERR_HTTP_BODY: {
    when: 'The request has a long body.',
    remedy: 'Send no body with a GET.',
  },
  ERR_HTTP_TARGET: {
    when: 'Path and query are longer than those of any IMDS client.',
    remedy: 'Check `resource` and the selectors of the client.',
  },
  ERR_HTTP_HEADERS: {
    when: 'Request line and headers are longer, or the headers more, than those of any IMDS client.',
    remedy: 'Send only what IMDS needs: the header `Metadata: true`.',
  },
  ERR_THROTTLED: {
    when: 'Entra throttles, or a limit of the proxy is reached: too many waiting requests, too many different tokens at once, too many pass-through requests.',
    remedy:
      'Wait for `Retry-After`. If it lasts, look for crash loops and for applications that keep asking for new resources.',
  },
  ERR_ASSERTION: {
    when: 'The projected ServiceAccount token is missing, unreadable, malformed, expired, or for an audience that cannot be used.',
    remedy:
      'Follow the hint: it names the file and its fault. See [troubleshooting](troubleshooting.md#the-serviceaccount-token).',
  },
  ERR_UNAVAILABLE: {
    when: 'Entra could not be reached, failed, or answered without a token.',
    remedy: 'Follow the hint. See [troubleshooting](troubleshooting.md#entra-cannot-be-reached).',
  },
  ERR_TIMEOUT: {
    when: 'Entra did not answer in time, including all retries.',
    remedy: 'Check that NetworkPolicy, firewall and DNS let the pod reach the authority.',
  },
  ERR_PASSTHROUGH: {
    when: "The node's metadata service accepted the connection and gave no valid answer.",
    remedy:
      'Retry. If it lasts, check the node, or set `IMDS_PROXY_PASSTHROUGH=off` if no application needs pass-through.',
  },
  ERR_SHUTTING_DOWN: {
    when: 'The proxy is shutting down and the token is not cached.',
    remedy:
      'Retry. Give the pod a longer `terminationGracePeriodSeconds` and `IMDS_PROXY_DRAIN_DEADLINE` if the application needs tokens to the end.',
  },
  ERR_LOOP: {
    when: 'The proxy received its own request: the redirect applies to the proxy as well. Pass-through stays off from then on. Tokens are not affected.',
    remedy:
      'Run the proxy as the user that the redirect exempts, or see [who is exempt](redirect.md#who-is-exempt).',
  },
  ERR_INTERNAL: {
    when: 'A fault of the proxy.',
    remedy: 'Report it with the line of the log that has the `request_id` of the answer.',
  },
};

/** Every error code, ordered by status. */
export function renderErrorCodes(): string {
  const rows = Object.entries(errorGuides)
    .map(([name, guide]) => ({
      name,
      guide,
      response: toErrorResponse(new ProxyError(name as ErrorCode, name)),
    }))
    .toSorted((a, b) => a.response.status - b.response.status)
    .map(({ name, guide, response }) => {
      const { error, error_description: text } = JSON.parse(response.body) as ErrorBody;
      const isEntras = name === 'ERR_REJECTED';
      return [
        code(name),
        String(response.status),
        isEntras ? "Entra's own" : code(error),
        isEntras ? "Entra's own" : text,
        guide.when,
        guide.remedy,
      ];
    });
  return renderTable(['Code', 'Status', '`error`', 'Text', 'When', 'What to do'], rows);
}

interface ErrorBody {
  readonly error: string;
  readonly error_description: string;
}

/** An exchange that is the first to fail, jitter aside. */
const firstFailure = { failures: 1, failingMs: 0, servableMs: 0, random: 0 };

/** Every AADSTS number that the proxy knows. */
export function renderAadstsCodes(): string {
  const rows = aadstsRules.map((rule) => {
    const { error, retry } = explainAnswer(toReply(rule), context);
    const { status } = toErrorResponse(error);
    return [
      rule.codes.join(', '),
      rule.cause,
      `${status}, ${code(error.code)}`,
      toRetries(retry, rule.retryAfterSeconds),
      `${toRememberedMs({ ...firstFailure, error }) / 1_000} s`,
      `${rule.hint}${rule.isAboutCredential === true ? ' *Then the presented values, and the change to make.*' : ''}`,
    ];
  });
  return renderTable(
    ['AADSTS', 'Cause', 'Answer', 'Retried within the request', 'Remembered', 'Hint'],
    rows,
  );
}

/** As Entra answers with such a number. */
function toReply({ codes }: AadstsRule): Parameters<typeof explainAnswer>[0] {
  return {
    kind: 'refused',
    status: 400,
    oauthError: 'invalid_client',
    aadsts: codes[0],
    description: '',
    retryAfterSeconds: undefined,
    correlationId: undefined,
    traceId: undefined,
    timestamp: undefined,
  };
}

const context: FailureContext = {
  authorityHost: 'https://login.microsoftonline.com',
  identity: { clientId: '', tenantId: '' },
  claims: { issuer: undefined, subject: undefined, audiences: [], expiresAtSeconds: undefined },
  nowMs: 0,
  correlationId: '',
  clean: (text) => text,
};

/** When the further tries begin if each of them is answered at once, jitter aside. */
function toRetries(retry: RetryClass, retryAfterSeconds: number | undefined): string {
  if (retry === 'if-assertion-changed') return 'at once, if the file holds another token by then';
  const startsMs: number[] = [];
  for (let elapsedMs = 0; ; ) {
    const attempts = startsMs.length + 1;
    const step = toNextStep({ retry, retryAfterSeconds, attempts, elapsedMs, random: 0 });
    if (step === undefined) break;
    elapsedMs += step.waitMs;
    startsMs.push(elapsedMs);
  }
  return startsMs.length === 0 ? 'no' : `after ${startsMs.map((ms) => ms / 1_000).join(', ')} s`;
}
