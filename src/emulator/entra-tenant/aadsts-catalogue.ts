/** What is known of one AADSTS code: how Entra answers with it. */
interface AadstsAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The OAuth `error`. */
  readonly error: string;
  /** Entra's text in short; `{name}` stands for a value of {@link RefusalValues}. */
  readonly text: string;
}

/** The values that a text may name. */
export interface RefusalValues {
  readonly tenant?: string | undefined;
  readonly clientId?: string | undefined;
  readonly scope?: string | undefined;
  readonly resource?: string | undefined;
  readonly issuer?: string | undefined;
  readonly subject?: string | undefined;
  readonly audience?: string | undefined;
  /** Name of a parameter, field or algorithm at fault. */
  readonly name?: string | undefined;
  readonly now?: string | undefined;
  readonly notBefore?: string | undefined;
  readonly expires?: string | undefined;
}

const checkFederation =
  'Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation';

/**
 * Status and `error` are what Entra was seen to answer; where only its documentation names a code, they
 * are what the documentation of the code's kind says.
 */
const answers = {
  28002: {
    status: 400,
    error: 'invalid_scope',
    text: "The value '{scope}' of the parameter scope is not valid when an access token is requested.",
  },
  50013: {
    status: 400,
    error: 'invalid_grant',
    text: 'Assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]',
  },
  50027: { status: 400, error: 'invalid_request', text: 'JWT token is invalid or malformed.' },
  50033: {
    status: 503,
    error: 'temporarily_unavailable',
    text: 'The service is not available for a moment; try again.',
  },
  50059: {
    status: 400,
    error: 'invalid_request',
    text: 'No tenant-identifying information found in either the request or implied by any provided credentials.',
  },
  50196: {
    status: 429,
    error: 'invalid_grant',
    text: 'The server ended the request because the client made the same one too often in too short a time (a loop).',
  },
  53003: {
    status: 400,
    error: 'access_denied',
    text: 'Access has been blocked by Conditional Access policies.',
  },
  65001: {
    status: 400,
    error: 'invalid_grant',
    text: "Nobody has consented to the use of the application '{clientId}'.",
  },
  70003: {
    status: 400,
    error: 'unsupported_grant_type',
    text: "The app requested an unsupported grant type '{name}'.",
  },
  70011: {
    status: 400,
    error: 'invalid_scope',
    text: "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
  },
  70021: {
    status: 400,
    error: 'invalid_request',
    text: `No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'. https://learn.microsoft.com/entra/workload-id/workload-identity-federation`,
  },
  70023: {
    status: 400,
    error: 'invalid_request',
    text: 'External OIDC Provider token must have a lifetime of less than or equal to 1.01:00:00. Token issued at {notBefore}. Token expires on {expires}.',
  },
  70025: {
    status: 401,
    error: 'invalid_client',
    text: "The client '{clientId}' has no configured federated identity credentials.",
  },
  90002: {
    status: 400,
    error: 'invalid_request',
    text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  },
  90011: { status: 400, error: 'invalid_request', text: 'Unexpected client assertion type.' },
  90014: {
    status: 400,
    error: 'invalid_request',
    text: "The required field '{name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
  },
  90033: {
    status: 503,
    error: 'temporarily_unavailable',
    text: 'A transient error has occurred. Please try again.',
  },
  90055: {
    status: 429,
    error: 'temporarily_unavailable',
    text: 'Throttled: there are too many requests for this tenant.',
  },
  90061: {
    status: 400,
    error: 'invalid_request',
    text: 'Request to External OIDC endpoint failed.',
  },
  500011: {
    status: 400,
    error: 'invalid_resource',
    text: 'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.',
  },
  700016: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application with identifier '{clientId}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  },
  700021: {
    status: 401,
    error: 'invalid_client',
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
  },
  700022: {
    status: 400,
    error: 'invalid_scope',
    text: 'The provided value for the input parameter scope is not valid because it contains more than one resource. The scope {scope} is not valid.',
  },
  700023: {
    status: 401,
    error: 'invalid_client',
    text: "Client assertion audience claim '{audience}' does not match Realm issuer.",
  },
  700024: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {notBefore}, expiry time of assertion {expires}.',
  },
  700027: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion failed signature validation. [Reason - {name}]',
  },
  700211: {
    status: 401,
    error: 'invalid_client',
    text: `No matching federated identity record found for presented assertion issuer '{issuer}'. ${checkFederation}`,
  },
  700212: {
    status: 401,
    error: 'invalid_client',
    text: `No matching federated identity record found for presented assertion audience '{audience}'. ${checkFederation}`,
  },
  700213: {
    status: 401,
    error: 'invalid_client',
    text: `No matching federated identity record found for presented assertion subject '{subject}'. ${checkFederation}`,
  },
  700222: {
    status: 401,
    error: 'invalid_client',
    text: 'AAD-issued tokens may not be used for federated identity flows.',
  },
  900023: {
    status: 400,
    error: 'invalid_request',
    text: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
  },
  900144: {
    status: 400,
    error: 'invalid_request',
    text: "The request body must contain the following parameter: '{name}'.",
  },
  900382: {
    status: 400,
    error: 'invalid_request',
    text: 'Confidential Client is not supported in Cross Cloud request.',
  },
  900561: {
    status: 400,
    error: 'invalid_request',
    text: 'The endpoint only accepts POST requests. Received a {name} request.',
  },
  1002012: {
    status: 400,
    error: 'invalid_scope',
    text: 'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  },
  5002723: {
    status: 401,
    error: 'invalid_client',
    text: 'Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.',
  },
  5002738: {
    status: 401,
    error: 'invalid_client',
    text: "Invalid JWT token. '{name}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256,RS384,RS512'",
  },
  7000112: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application '{clientId}' is disabled.",
  },
  7000215: {
    status: 401,
    error: 'invalid_client',
    text: "Invalid client secret provided for app '{clientId}'.",
  },
  7000218: {
    status: 401,
    error: 'invalid_client',
    text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  },
  7000272: {
    status: 401,
    error: 'invalid_client',
    text: "The certificate with identifier {name} used to sign the federated credential could not be found in the metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token.",
  },
  7002138: {
    status: 401,
    error: 'invalid_client',
    text: `No matching federated identity record found for presented assertion subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. ${checkFederation}`,
  },
} as const satisfies Record<number, AadstsAnswer>;

/** The codes that the emulator knows how to answer with. */
export type AadstsCode = keyof typeof answers;

/** All of them, for messages and tables. */
export const aadstsCodes: readonly AadstsCode[] = Object.keys(answers).map(
  (code) => Number(code) as AadstsCode,
);

export function isAadstsCode(value: unknown): value is AadstsCode {
  return typeof value === 'number' && Object.hasOwn(answers, value);
}

/** Status, `error` and finished text (without the trace) of one code; unknown values read `(none)`. */
export function toAadstsAnswer(code: AadstsCode, values: RefusalValues): AadstsAnswer {
  const { status, error, text }: AadstsAnswer = answers[code];
  const known: Readonly<Record<string, string | undefined>> = { ...values };
  return {
    status,
    error,
    text: text.replace(/\{(\w+)\}/g, (_, name: string) => known[name] ?? '(none)'),
  };
}
