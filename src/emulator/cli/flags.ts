import type { ParseArgsOptionsConfig } from 'node:util';

interface Flag {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

/** All flags, for the parser and for the help. */
export const flags = {
  'state-dir': {
    type: 'string',
    value: 'DIR',
    help: 'where ca.crt and token/azure-identity-token are written (default: a temporary directory, which is removed when the emulator ends)',
  },
  ephemeral: { type: 'boolean', help: 'remove the state directory, too, when the emulator ends' },
  host: {
    type: 'string',
    value: 'ADDRESS',
    help: 'address that tenant and issuer listen on (127.0.0.1)',
  },
  'public-name': {
    type: 'string',
    value: 'NAME',
    help: 'name that clients reach them by, which the certificate is made for (the address)',
  },
  name: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: 'a further name or address for the certificate; may be repeated',
  },
  'tenant-port': { type: 'string', value: 'PORT', help: 'port of the Entra tenant (any free one)' },
  'issuer-port': { type: 'string', value: 'PORT', help: 'port of the token issuer (any free one)' },
  'admin-port': { type: 'string', value: 'PORT', help: 'port of the admin API (any free one)' },
  'admin-host': {
    type: 'string',
    value: 'ADDRESS',
    help: 'address that the admin API listens on (127.0.0.1)',
  },
  'tenant-id': { type: 'string', value: 'GUID', help: 'the tenant (always the same one)' },
  'tenant-domain': {
    type: 'string',
    multiple: true,
    value: 'DOMAIN',
    help: 'a domain name of the tenant; may be repeated',
  },
  'issuer-url': {
    type: 'string',
    value: 'URL',
    help: '"iss" of the ServiceAccount tokens (where the issuer listens)',
  },
  identity: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE,...',
    help: 'an identity; may be repeated (name=demo). Keys: name, kind (managed-identity or app-registration), tenant-id, client-id, object-id, resource-id, issuer, subject, audience, federated=false, disabled=true, binding (allowed, forbidden or none)',
  },
  resource: {
    type: 'string',
    multiple: true,
    value: 'URI',
    help: 'a resource that the tenant knows; may be repeated (any)',
  },
  'token-lifetime': {
    type: 'string',
    value: 'SECONDS',
    help: "life of Entra's tokens (86399 for managed identities, 3599 for applications)",
  },
  'service-account': {
    type: 'string',
    value: 'NAMESPACE/NAME',
    help: 'whose token is in the token file (default/demo)',
  },
  audience: {
    type: 'string',
    value: 'AUDIENCE',
    help: 'audience of the token in the file (api://AzureADTokenExchange)',
  },
  'assertion-lifetime': {
    type: 'string',
    value: 'SECONDS',
    help: 'life of the token in the file, which is renewed at 80 % of it (3600)',
  },
  'identity-binding': {
    type: 'boolean',
    help: 'also run an AKS token proxy; the token in the file is for it then, and federation-token/azure-identity-token holds one for Entra itself',
  },
  'token-proxy-port': {
    type: 'string',
    value: 'PORT',
    help: 'port of the token proxy (any free one)',
  },
  'log-requests': {
    type: 'boolean',
    help: 'write every request as a line of JSON to standard error',
  },
  help: { type: 'boolean', help: 'print this text' },
  version: { type: 'boolean', help: 'print name, version and commit as JSON' },
} as const satisfies Readonly<Record<string, Flag>>;

/** The flags in the form that `parseArgs` takes. */
export const parseArgsOptions = flags satisfies ParseArgsOptionsConfig;

/** The text of `--help`. */
export function toHelp(): string {
  const entries = Object.entries<Flag>(flags).map(([name, { value, help }]) => {
    const left = value === undefined ? `--${name}` : `--${name} ${value}`;
    return `  ${left}\n      ${help}`;
  });
  return [
    'Usage: emulator [serve] [flags]',
    '',
    'Runs a local Kubernetes token issuer and a local Entra tenant that trusts it, for demos and tests.',
    'When all is ready it prints one line of JSON: where the tenant is, its CA, the token file, and the',
    'environment of a client. It ends on SIGTERM and SIGINT.',
    '',
    'Flags, with their defaults in parentheses:',
    ...entries,
    '',
    'Admin API (JSON):',
    '  GET /                     the content of the ready line',
    '  GET|PUT|POST|DELETE /faults   list, replace, add, clear faults; such as',
    '      {"kind": "throttle", "retryAfterSeconds": 2, "requests": 1}',
    '      {"kind": "delay", "delayMs": 300, "durationMs": 10000}',
    '      {"kind": "refuse", "code": 53003, "clientId": "GUID", "resource": "https://vault.azure.net"}',
    '      {"kind": K}, K one of server-error, html (both with "status"), truncated, reset, hang,',
    '      not-propagated, empty, malformed-json, no-access-token',
    '  GET|DELETE /journal       every request, without tokens',
    '  GET|POST|DELETE /identities   list, add {"name": ...}, remove {"clientId": ...}',
    '  PUT /token-file           change the token in the file: {"subject": ...,',
    '      "audiences": [...], "issuer", "namespace", "serviceAccount", "lifetimeSeconds", "ageSeconds"};',
    '      {} for the usual',
    '  POST /rotate              {"target": "token-file" | "issuer-key" | "tenant-key" | "token-proxy-ca",',
    '      "retireOld": true}',
    '  GET|PUT|DELETE /bindings  with --identity-binding: list, set {"clientId": ..., "subjects": [...]},',
    '      remove {"clientId": ...}',
    '',
  ].join('\n');
}
