import type { RequestSpec } from '../../support/raw-http.ts';

/**
 * The conformance vectors of the token endpoint that are requests and answers, as data: they run against
 * whatever listens at a host and port and is configured as `configurations` says. Vectors that are about
 * time, faults or the exchange have their own tests.
 */
export interface Vector {
  readonly number: number;
  readonly title: string;
  /** What the proxy under test knows of identities; `standard` unless said otherwise. */
  readonly configuration?: ConfigurationName;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly request: RequestSpec;
  readonly expect: Expectation;
}

export type Expectation =
  | {
      readonly outcome: 'ok';
      /** The identity of the answer; A unless said otherwise. */
      readonly clientId?: string;
      /** The echo; the vault's resource unless said otherwise. */
      readonly resource?: string;
      /** The connection ends with the answer. */
      readonly closes?: boolean;
    }
  | {
      readonly outcome: 'error';
      readonly status: number | readonly number[];
      readonly error?: string;
      /** The whole text, or a pattern that it must match. */
      readonly description?: string | RegExp;
      /** Of status 405. Default GET. */
      readonly allow?: string;
      /** What no part of the body may contain. */
      readonly lacks?: string;
    }
  /** The one error with its own shape. */
  | { readonly outcome: 'api_version' };

export type ConfigurationName = 'standard' | 'no_default' | 'none';

export interface VectorIdentity {
  readonly clientId: string;
  readonly objectId: string;
  readonly resourceId: string;
}

const resourceIdPrefix =
  '/subscriptions/5d2c5bd1-6a2f-4f3d-b5c8-9a2b6f1f7a10/resourcegroups/apps/providers/microsoft.managedidentity/userassignedidentities';

export const tenantId = '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22';

export const identityA: VectorIdentity = {
  clientId: 'a1a1a1a1-0000-4000-8000-00000000000a',
  objectId: 'a2a2a2a2-0000-4000-8000-00000000000a',
  resourceId: `${resourceIdPrefix}/identity-a`,
};

export const identityB: VectorIdentity = {
  clientId: 'b1b1b1b1-0000-4000-8000-00000000000b',
  objectId: 'b2b2b2b2-0000-4000-8000-00000000000b',
  resourceId: `${resourceIdPrefix}/identity-b`,
};

/** Both identities may be asked for and no other; `no_default` has no default one, `none` has none. */
export const configurations: Record<
  ConfigurationName,
  { readonly identities: readonly VectorIdentity[]; readonly defaultClientId: string | undefined }
> = {
  standard: { identities: [identityA, identityB], defaultClientId: identityA.clientId },
  no_default: { identities: [identityA, identityB], defaultClientId: undefined },
  none: { identities: [], defaultClientId: undefined },
};

export const tokenPath = '/metadata/identity/oauth2/token';
export const vault = 'https://vault.azure.net';
const apiVersion = 'api-version=2018-02-01';
const resource = `resource=${encodeURIComponent(vault)}`;
const metadata = 'Metadata: true';
const host = 'Host: 169.254.169.254';

/** The token path with a query, `B` of the specification if there is nothing to add. */
export function target(...more: readonly string[]): string {
  return `${tokenPath}?${[apiVersion, resource, ...more].join('&')}`;
}

/** A GET as SDKs send it. */
export function get(requestTarget: string, ...headers: readonly string[]): RequestSpec {
  return { target: requestTarget, headers: [host, metadata, ...headers] };
}

/** A GET without the header, as SDKs probe. */
function probe(requestTarget: string, ...more: readonly string[]): RequestSpec {
  return { target: requestTarget, headers: [host, ...more] };
}

const unknownId = '0c0c0c0c-0000-4000-8000-0000000000ff';

const ok = { outcome: 'ok' } as const;
const okB = { outcome: 'ok', clientId: identityB.clientId } as const;
const badRequest = { outcome: 'error', status: 400, error: 'invalid_request' } as const;
const apiVersionError = { outcome: 'api_version' } as const;
const notFound = { outcome: 'error', status: 404, error: 'not_found' } as const;
/** Neither 400, which means to MSAL.NET that there is IMDSv2, nor a status that Azure.Core for .NET retries. */
const noV2 = {
  outcome: 'error',
  status: 405,
  error: 'method_not_allowed',
  allow: '',
  description: 'IMDSv2 is not served here',
} as const;
const identityNotFound = { ...badRequest, description: 'Identity not found' } as const;
/** With the entry that would make it known. */
const identityNotInMap = {
  ...badRequest,
  description: /^Identity not found\. Hint: .*IMDS_PROXY_IDENTITIES: \[\{/,
} as const;
const resourceMissing = {
  ...badRequest,
  description: "Required query variable 'resource' is missing",
} as const;
const headerMissing = {
  ...badRequest,
  description: 'Required metadata header not specified',
  lacks: 'Identity not found',
} as const;
const notAllowed = { outcome: 'error', status: 405, error: 'method_not_allowed' } as const;
const invalidResource = { outcome: 'error', status: 400, error: 'invalid_resource' } as const;

function step(request: RequestSpec, expect: Expectation): Step {
  return { request, expect };
}

function withResource(raw: string): string {
  return `${tokenPath}?${apiVersion}&resource=${raw}`;
}

function echoed(value: string): Expectation {
  return { outcome: 'ok', resource: value };
}

function withMethod(method: string, requestTarget: string, body = ''): RequestSpec {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return { method, target: requestTarget, headers: [host, metadata, ...length], body };
}

const userAgents = [
  'azsdk-js-identity/4.14.1 core-rest-pipeline/1.22.2 Node/26.10.0 OS/(x64-Linux-6.18)',
  'azsdk-python-identity/1.27.0 Python/3.13.1 (Linux-6.18-x86_64)',
  'azsdk-go-azidentity/v1.15.0 (go1.26.1; linux)',
  'azsdk-net-Identity/1.19.0 (.NET 10.0.1; Debian GNU/Linux 13)',
  'azsdk-java-azure-identity/1.19.0 (21.0.8; Linux; 6.18)',
  'azsdk-rust-identity/0.32.0',
  'azsdk-cpp-identity/1.14.0 (Linux 6.18 x86_64)',
];

export const vectors: readonly Vector[] = [
  { number: 1, title: 'a plain request gets a token', steps: [step(get(target()), ok)] },
  {
    number: 2,
    title: 'expires_on and expires_in are digits and agree',
    steps: [step(get(target()), ok)],
  },
  {
    number: 3,
    title: 'token_type, client_id and the order of the keys',
    steps: [step(get(target()), ok)],
  },
  { number: 4, title: 'Server begins with IMDS/', steps: [step(get(target()), ok)] },
  {
    number: 6,
    title: 'one compact line, found by literal search',
    steps: [step(get(target()), ok)],
  },
  {
    number: 7,
    title: 'a trailing slash of the resource survives',
    steps: [
      step(
        get(withResource('https%3A%2F%2Fstorage.azure.com%2F')),
        echoed('https://storage.azure.com/'),
      ),
    ],
  },
  {
    number: 8,
    title: 'no slash is added',
    steps: [
      step(
        get(withResource('https%3A%2F%2Fstorage.azure.com')),
        echoed('https://storage.azure.com'),
      ),
    ],
  },
  {
    number: 9,
    title: 'the case of the resource survives',
    steps: [
      step(get(withResource('https%3A%2F%2FVault.Azure.NET')), echoed('https://Vault.Azure.NET')),
    ],
  },
  {
    number: 10,
    title: 'a raw resource is as good as an encoded one',
    steps: [
      step(
        get(withResource('https://api.kusto.windows.net')),
        echoed('https://api.kusto.windows.net'),
      ),
    ],
  },
  {
    number: 11,
    title: 'GUID and api:// resources',
    steps: [
      step(get(withResource(unknownId)), echoed(unknownId)),
      step(get(withResource(`api%3A%2F%2F${unknownId}`)), echoed(`api://${unknownId}`)),
    ],
  },
  {
    number: 12,
    title: 'a resource that is a scope already is echoed as it is',
    steps: [
      step(
        get(withResource('https%3A%2F%2Fvault.azure.net%2F.default')),
        echoed('https://vault.azure.net/.default'),
      ),
    ],
  },
  {
    number: 13,
    title: 'the order of the parameters does not matter',
    steps: [step(get(`${tokenPath}?${resource}&${apiVersion}`), ok)],
  },
  {
    number: 14,
    title: 'a plus sign and %20 are the same space, which no resource has; %2B is decoded once',
    steps: [
      step(get(withResource('a+b')), invalidResource),
      step(get(withResource('a%20b')), invalidResource),
      step(get(withResource('a%2Bb')), echoed('a+b')),
      step(get(withResource('a%252Bb')), echoed('a%2Bb')),
    ],
  },
  {
    number: 15,
    title: 'characters that JSON escapes do not break the body',
    steps: [
      step(get(withResource('https://x/%22%2C%22error%22%3A%22')), echoed('https://x/","error":"')),
      step(get(withResource('https://x/%5Cn%3C')), echoed('https://x/\\n<')),
      step(get(withResource('https://x/%C3%A9')), echoed('https://x/é')),
      step(get(withResource('https://x/%0A')), invalidResource),
    ],
  },
  {
    number: 16,
    title: 'api-version 2019-08-01',
    steps: [step(get(`${tokenPath}?api-version=2019-08-01&${resource}`), ok)],
  },
  {
    number: 17,
    title: 'api-versions 2021-02-01 and 2025-04-07',
    steps: [
      step(get(`${tokenPath}?api-version=2021-02-01&${resource}`), ok),
      step(get(`${tokenPath}?api-version=2025-04-07&${resource}`), ok),
    ],
  },
  {
    number: 18,
    title: 'no api-version',
    steps: [step(get(`${tokenPath}?${resource}`), apiVersionError)],
  },
  {
    number: 19,
    title: 'an api-version that is too old, no date, or empty',
    steps: ['2017-12-01', 'foo', '', '2018-01-31', '2021-13-01', '2021-02-00', '2021-02-01-x'].map(
      (version) => step(get(`${tokenPath}?api-version=${version}&${resource}`), apiVersionError),
    ),
  },
  {
    number: 20,
    title: 'client_id of the default identity',
    steps: [step(get(target(`client_id=${identityA.clientId}`)), ok)],
  },
  {
    number: 21,
    title: 'client_id in upper case',
    steps: [step(get(target(`client_id=${identityA.clientId.toUpperCase()}`)), ok)],
  },
  {
    number: 22,
    title: 'client_id of another identity',
    steps: [step(get(target(`client_id=${identityB.clientId}`)), okB)],
  },
  {
    number: 23,
    title: 'unknown client_id',
    steps: [
      step(get(target(`client_id=${unknownId}`)), identityNotFound),
      step(get(target('client_id=nonsense')), identityNotFound),
    ],
  },
  {
    number: 24,
    title: 'object_id, known and unknown',
    steps: [
      step(get(target(`object_id=${identityB.objectId}`)), okB),
      step(get(target(`object_id=${unknownId}`)), identityNotInMap),
    ],
  },
  {
    number: 25,
    title: 'msi_res_id in any case',
    steps: [
      step(get(target(`msi_res_id=${encodeURIComponent(identityB.resourceId)}`)), okB),
      step(
        get(target(`msi_res_id=${encodeURIComponent(identityB.resourceId.toUpperCase())}`)),
        okB,
      ),
    ],
  },
  {
    number: 26,
    title: 'mi_res_id',
    steps: [step(get(target(`mi_res_id=${encodeURIComponent(identityB.resourceId)}`)), okB)],
  },
  {
    number: 27,
    title: 'unknown msi_res_id and mi_res_id',
    steps: [
      step(get(target('msi_res_id=%2Fsubscriptions%2Fx')), identityNotInMap),
      step(get(target('mi_res_id=%2Fsubscriptions%2Fx')), identityNotInMap),
    ],
  },
  {
    number: 28,
    title: 'two selectors of the same identity',
    steps: [
      step(get(target(`client_id=${identityB.clientId}`, `object_id=${identityB.objectId}`)), okB),
      step(
        get(
          target(
            `client_id=${identityB.clientId}`,
            `object_id=${identityB.objectId}`,
            `msi_res_id=${encodeURIComponent(identityB.resourceId)}`,
          ),
        ),
        okB,
      ),
    ],
  },
  {
    number: 29,
    title: 'two selectors of different identities',
    steps: [
      step(get(target(`client_id=${identityA.clientId}`, `object_id=${identityB.objectId}`)), {
        ...badRequest,
        lacks: 'Identity not found',
      }),
    ],
  },
  {
    number: 30,
    title: 'an empty selector counts as absent',
    steps: ['client_id', 'object_id', 'msi_res_id', 'mi_res_id'].map((name) =>
      step(get(target(`${name}=`)), ok),
    ),
  },
  {
    number: 31,
    title: 'several identities and none of them chosen',
    configuration: 'no_default',
    steps: [
      step(get(target()), {
        ...badRequest,
        description:
          'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
      }),
      step(get(target(`client_id=${identityB.clientId}`)), okB),
    ],
  },
  {
    number: 31,
    title: 'no identity anywhere',
    configuration: 'none',
    steps: [
      step(get(target()), {
        ...badRequest,
        // SDKs look for the first words; people need the rest.
        description: /^Identity not found\. Hint: .*azure\.workload\.identity\/client-id/,
      }),
    ],
  },
  {
    number: 32,
    title: 'client_id twice',
    steps: [
      step(
        get(target(`client_id=${identityA.clientId}`, `client_id=${identityA.clientId}`)),
        badRequest,
      ),
    ],
  },
  { number: 33, title: 'resource twice', steps: [step(get(target(resource)), badRequest)] },
  {
    number: 34,
    title: 'resource absent and empty',
    steps: [
      step(get(`${tokenPath}?${apiVersion}`), resourceMissing),
      step(get(`${tokenPath}?${apiVersion}&resource=`), resourceMissing),
      step(get(`${tokenPath}?${apiVersion}&resource`), resourceMissing),
    ],
  },
  {
    number: 35,
    title: 'parameters that mean nothing here',
    steps: [
      step(get(target('xms_cc=cp1')), ok),
      step(get(target('authority=https%3A%2F%2Flogin.microsoftonline.com%2Fcommon')), ok),
      step(get(target('foo=bar')), ok),
      step(get(target('')), ok),
    ],
  },
  {
    number: 36,
    title: 'bypass_cache true and false',
    steps: [
      step(get(target('bypass_cache=true')), ok),
      step(get(target('bypass_cache=false')), ok),
    ],
  },
  { number: 39, title: 'no Metadata header', steps: [step(probe(target()), headerMissing)] },
  {
    number: 40,
    title: 'neither header nor query (Go, DefaultAzureCredential)',
    steps: [step(probe(tokenPath), headerMissing)],
  },
  {
    number: 41,
    title: 'api-version only and no header (adal)',
    steps: [step(probe(`${tokenPath}?${apiVersion}`), headerMissing)],
  },
  {
    number: 42,
    title: 'a full query with an unknown client_id and no header (.NET probe)',
    steps: [step(probe(target(`client_id=${unknownId}`)), headerMissing)],
  },
  {
    number: 43,
    title: 'msi-res-id and no header (.NET probe)',
    steps: [step(probe(target('msi-res-id=%2Fsubscriptions%2Fx')), headerMissing)],
  },
  {
    number: 44,
    title: 'header and no query (Python up to 1.3, AppAuthentication)',
    steps: [step(get(tokenPath), apiVersionError)],
  },
  {
    number: 45,
    title: 'the Metadata header in any spelling',
    steps: ['Metadata: True', 'Metadata: TRUE', 'metadata: true', 'METADATA:  true  '].map((line) =>
      step({ target: target(), headers: [host, line] }, ok),
    ),
  },
  {
    number: 46,
    title: 'a Metadata header that is not true',
    steps: [
      'Metadata: false',
      'Metadata: 1',
      'Metadata:',
      'Metadata: truetrue',
      'X-Metadata: true',
    ].map((line) => step({ target: target(), headers: [host, line] }, headerMissing)),
  },
  {
    number: 47,
    title: 'two Metadata headers',
    steps: [
      step({ target: target(), headers: [host, metadata, metadata] }, ok),
      step({ target: target(), headers: [host, metadata, 'Metadata: false'] }, headerMissing),
      step({ target: target(), headers: [host, 'Metadata: false', metadata] }, headerMissing),
    ],
  },
  {
    number: 48,
    title: 'X-Forwarded-For and Forwarded',
    steps: [
      step(get(target(), 'X-Forwarded-For: 1.2.3.4'), badRequest),
      step(get(target(), 'x-forwarded-for:'), badRequest),
      step(get(target(), 'Forwarded: for=1.2.3.4'), badRequest),
    ],
  },
  {
    number: 49,
    title: 'headers that a mesh adds',
    steps: [
      step(
        get(
          target(),
          'X-Forwarded-Proto: http',
          'X-Request-Id: 4bf92f35-77b3-4da6-a3ce-929d0e0e4736',
          'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        ),
        ok,
      ),
    ],
  },
  {
    number: 50,
    title: "every SDK's own headers",
    steps: userAgents.map((agent) =>
      step(
        get(
          target(),
          `User-Agent: ${agent}`,
          'x-client-SKU: msal',
          'x-client-Ver: 7.2.1',
          'x-ms-client-request-id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301',
          'Accept: */*',
        ),
        ok,
      ),
    ),
  },
  {
    number: 51,
    title: 'a form Content-Type without a body',
    steps: [
      step(get(target(), 'Content-Type: application/x-www-form-urlencoded;charset=utf-8'), ok),
    ],
  },
  {
    number: 52,
    title: 'identity headers of other sources',
    steps: [step(get(target(), 'x-identity-header: abc', 'x-ms-identity: abc'), ok)],
  },
  {
    number: 53,
    title: 'Connection: close',
    steps: [step(get(target(), 'Connection: close'), { outcome: 'ok', closes: true })],
  },
  {
    number: 55,
    title: 'HTTP/1.0',
    steps: [
      step(
        { target: target(), version: 'HTTP/1.0', headers: [metadata] },
        { outcome: 'ok', closes: true },
      ),
    ],
  },
  {
    number: 56,
    title: 'Accept-Encoding does not compress',
    steps: [step(get(target(), 'Accept-Encoding: gzip, br'), ok)],
  },
  {
    number: 57,
    title: 'POST, PUT, DELETE and PATCH',
    steps: ['POST', 'PUT', 'DELETE', 'PATCH'].map((method) =>
      step(withMethod(method, target()), notAllowed),
    ),
  },
  {
    number: 58,
    title: 'HEAD and OPTIONS',
    steps: [
      step(withMethod('HEAD', target()), notAllowed),
      step(withMethod('OPTIONS', target()), notAllowed),
      step(
        {
          method: 'OPTIONS',
          target: target(),
          headers: [host, 'Origin: http://evil.example', 'Access-Control-Request-Method: GET'],
        },
        notAllowed,
      ),
    ],
  },
  {
    number: 59,
    title: 'a form POST (Cloud Shell)',
    steps: [step(withMethod('POST', tokenPath, resource), notAllowed)],
  },
  {
    number: 60,
    title: 'a slash at the end',
    steps: [step(get(target().replace('?', '/?')), ok)],
  },
  { number: 61, title: 'two slashes at the start', steps: [step(get(`/${target()}`), ok)] },
  {
    number: 62,
    title: '/Metadata',
    steps: [step(get(target().replace('metadata', 'Metadata')), ok)],
  },
  {
    number: 63,
    title: '/metadata/Identity/OAuth2/Token',
    steps: [step(get(`/metadata/Identity/OAuth2/Token?${apiVersion}&${resource}`), notFound)],
  },
  {
    number: 64,
    title: 'a longer path and a shorter one',
    steps: [
      step(get(target().replace('?', '/extra?')), notFound),
      step(get(target().replace('?', 'XYZ?')), notFound),
      step(get(`/metadata/identity/oauth2?${apiVersion}&${resource}`), notFound),
    ],
  },
  {
    number: 65,
    title: 'backslashes, %5c and dot segments never lead anywhere',
    steps: [
      '/metadata/identity\\oauth2\\token',
      '/metadata/identity%5coauth2%5ctoken',
      '/metadata/identity%2foauth2%2ftoken',
      '/metadata/%69dentity/oauth2/token',
      '/metadata/instance/../identity/oauth2/token',
      '/metadata/instance/%2e%2e/identity/oauth2/token',
      '/metadata/identity/./oauth2/token',
      '/metadata/identity/oauth2/token%00',
      '/metadata/identity/oauth2/token;x=1',
    ].map((path) =>
      step(get(`${path}?${apiVersion}&${resource}`), { outcome: 'error', status: [400, 404] }),
    ),
  },
  {
    number: 66,
    title: 'getplatformmetadata without the header; 405 for Azure.Core of .NET',
    steps: [
      '/metadata/identity/getplatformmetadata?cred-api-version=2.0',
      `/metadata/identity/getplatformmetadata?cred-api-version=2.0&client_id=${identityA.clientId}`,
      '/metadata/identity/getPlatformMetadata?cred-api-version=2.0',
    ].flatMap((target) => [
      step(probe(target), notFound),
      step(probe(target, 'User-Agent: azsdk-net-Core/1.62.0 (.NET 10.0.11; Debian)'), noV2),
      step(probe(target, 'User-Agent: azsdk-python-identity/1.25.1 Python/3.11'), notFound),
    ]),
  },
  {
    number: 67,
    title: 'getplatformmetadata with the header, in both spellings',
    steps: [
      step(get('/metadata/identity/getplatformmetadata?cred-api-version=2.0'), notFound),
      step(get('/metadata/identity/getPlatformMetadata?cred-api-version=2.0'), notFound),
    ],
  },
  {
    number: 68,
    title: 'POST issuecredential',
    steps: [
      step(
        withMethod('POST', '/metadata/identity/issuecredential?cred-api-version=2.0', '{}'),
        notFound,
      ),
    ],
  },
  {
    number: 69,
    title: 'POST credential, as the preview probed',
    steps: [
      step(withMethod('POST', '/metadata/identity/credential?cred-api-version=1.0', '.'), notFound),
      step(
        {
          method: 'POST',
          target: '/metadata/identity/credential?cred-api-version=1.0',
          headers: [host, 'Content-Length: 1'],
          body: '.',
        },
        notFound,
      ),
    ],
  },
  {
    number: 70,
    title: '/metadata/instance without pass-through',
    steps: [step(get('/metadata/instance?api-version=2021-02-01'), notFound)],
  },
  {
    number: 71,
    title: 'region discovery',
    steps: [
      step(get('/metadata/instance/compute/location?api-version=2020-06-01&format=text'), notFound),
    ],
  },
  {
    number: 72,
    title: 'the other parts of the metadata service',
    steps: [
      '/metadata/versions',
      '/metadata/attested/document?api-version=2021-02-01',
      '/metadata/scheduledevents?api-version=2020-07-01',
      '/metadata/loadbalancer?api-version=2020-10-01',
    ].map((path) => step(get(path), notFound)),
  },
  {
    number: 73,
    title: '/metadata/identity/info',
    steps: [step(get(`/metadata/identity/info?${apiVersion}`), notFound)],
  },
  {
    number: 74,
    title: "other clouds' probes",
    steps: [
      step({ method: 'PUT', target: '/latest/api/token', headers: [host] }, notFound),
      step(probe('/latest/meta-data/'), notFound),
      step(
        {
          target: '/computeMetadata/v1/instance/service-accounts/default/token',
          headers: [host, 'Metadata-Flavor: Google'],
        },
        notFound,
      ),
      step(probe('/'), notFound),
    ],
  },
  {
    number: 77,
    title: 'a target and a header of 64 KiB',
    steps: [
      step(get(target(`x=${'a'.repeat(65_536)}`)), { outcome: 'error', status: [414, 431, 400] }),
      step(get(target(`x=${'a'.repeat(10_000)}`)), { outcome: 'error', status: 414 }),
      step(get(target(), `X-Long: ${'a'.repeat(65_536)}`), {
        outcome: 'error',
        status: [431, 400],
      }),
    ],
  },
  {
    number: 78,
    title: 'malformed percent-encoding',
    steps: ['%', '%2', '%zz', '%C3', '%ED%A0%80', '%u0041'].map((broken) =>
      step(get(target(`x=${broken}`)), badRequest),
    ),
  },
  {
    number: 94,
    title: 'names that mean an identity but are not selectors are refused with the right name',
    steps: [
      ['resource_id', 'msi_res_id'],
      ['clientid', 'client_id'],
      ['clientId', 'client_id'],
      ['client-id', 'client_id'],
      ['CLIENT_ID', 'client_id'],
      ['principal_id', 'object_id'],
      ['objectid', 'object_id'],
      ['object-id', 'object_id'],
      ['msi-res-id', 'msi_res_id'],
      ['mi-res-id', 'mi_res_id'],
      ['msiResId', 'msi_res_id'],
    ].map(([name, right]) =>
      step(get(target(`${name}=${identityB.clientId}`)), {
        ...badRequest,
        description: `The query name '${name}' does not select an identity; use '${right}'`,
      }),
    ),
  },
];
