import { guidValue, tenantValue } from '../../shared/entra-values.ts';
import { logLevelValue } from '../../shared/log-level.ts';
import type { OptionTable } from '../../shared/option-table.ts';
import {
  booleanValue,
  choiceValue,
  durationValue,
  listValue,
  portValue,
  textValue,
} from '../../shared/option-values.ts';
import { metadataAddress, metadataPort } from '../../shared/redirect-contract.ts';
import { usualTerminationLog } from '../../shared/termination-log.ts';
import { identitiesValue, resourceValue } from './identities.ts';
import { probeOptions } from './options-probe.ts';
import {
  addressValue,
  authorityValue,
  certificatesValue,
  dnsNameValue,
  endpointValue,
  fileValue,
  headerSecretValue,
  hostValue,
  httpProxyValue,
  httpsUrlValue,
  regionValue,
} from './values.ts';

/** Every variable that only this proxy reads begins with this. */
export const ownPrefix = 'IMDS_PROXY_';

/** Bounds for `--drain-quiet`. */
const shortWait = { leastMs: 0, mostMs: 600_000 };

/**
 * Every setting of the proxy. Upstream's proxy has `--proxy-port`, `--probe`, `--log-level` and `--version`;
 * the azure-workload-identity webhook sets the AZURE_ variables. Our own settings are a flag `--x-y` and the
 * variable IMDS_PROXY_X_Y.
 */
export const proxyOptions = {
  proxyPort: probeOptions.proxyPort,
  bindAddress: probeOptions.bindAddress,
  allowedHosts: {
    flag: 'allowed-hosts',
    env: 'IMDS_PROXY_ALLOWED_HOSTS',
    type: listValue(hostValue),
    group: 'Listeners',
    help: 'More host names that clients may send in the Host header. 169.254.169.254 and loopback are always allowed.',
  },
  identityHeader: {
    env: 'IMDS_PROXY_IDENTITY_HEADER',
    type: headerSecretValue,
    secret: true,
    group: 'Listeners',
    help: "Turns on App Service's token path /msi/token, for pods without the redirect. The value is the secret that each request must send; give the application the same value in IDENTITY_HEADER. At least 32 visible ASCII characters. There is no flag for it: other users can read command lines.",
  },
  adminPort: {
    flag: 'admin-port',
    env: 'IMDS_PROXY_ADMIN_PORT',
    type: portValue({ zero: 'turns it off' }),
    default: '9808',
    group: 'Listeners',
    help: 'Port of /livez, /readyz, /healthz, /metrics and /statusz. 0 turns it off. This port never returns a token.',
  },
  adminAddress: {
    flag: 'admin-address',
    env: 'IMDS_PROXY_ADMIN_ADDRESS',
    type: addressValue,
    default: '::',
    group: 'Listeners',
    help: 'Address of the admin port. The default is every IPv4 and IPv6 address, because the kubelet and Prometheus connect to the address of the pod.',
  },
  clientId: {
    env: 'AZURE_CLIENT_ID',
    type: guidValue,
    group: 'Identity',
    help: 'Client ID of the default identity. It answers requests that name no identity.',
  },
  tenantId: {
    env: 'AZURE_TENANT_ID',
    type: tenantValue,
    required: "set the tenant's GUID or domain, as the azure-workload-identity webhook does",
    group: 'Identity',
    help: 'Tenant ID (a GUID) or a domain of the tenant. Used for every identity that has no tenantId in IMDS_PROXY_IDENTITIES.',
  },
  federatedTokenFile: {
    env: 'AZURE_FEDERATED_TOKEN_FILE',
    type: fileValue,
    required:
      'mount a projected ServiceAccount token and set its path, as the azure-workload-identity webhook does',
    group: 'Identity',
    help: 'Absolute path of the projected ServiceAccount token. The proxy reads the file for each exchange. It may be created after startup.',
  },
  authorityHost: {
    env: 'AZURE_AUTHORITY_HOST',
    type: authorityValue,
    default: 'https://login.microsoftonline.com',
    group: 'Identity',
    help: 'URL of the Entra authority: https, a host and an optional port.',
  },
  regionalAuthority: {
    flag: 'regional-authority',
    env: 'IMDS_PROXY_REGIONAL_AUTHORITY',
    type: regionValue,
    group: 'Identity',
    help: 'Uses the regional authority of this Azure region, such as westeurope, instead of the global one. Entra refuses most applications there (AADSTS100007). No other variable selects a region, and the proxy never discovers one.',
  },
  identities: {
    flag: 'identities',
    env: 'IMDS_PROXY_IDENTITIES',
    type: identitiesValue,
    group: 'Identity',
    help: 'More identities that requests may name. A JSON list of objects with clientId and, optionally, tenantId, objectId, resourceId, mode (federation or binding) and tokenFile (a separate projected ServiceAccount token). Or @ and the path of a file with that list.',
  },
  allowedClientIds: {
    flag: 'allowed-client-ids',
    env: 'IMDS_PROXY_ALLOWED_CLIENT_IDS',
    type: listValue(guidValue),
    restricts: true,
    group: 'Identity',
    help: 'Client IDs that requests may get tokens for. Others are refused. Without this setting all are allowed and Entra decides. An empty list stops the start.',
  },
  allowedResources: {
    flag: 'allowed-resources',
    env: 'IMDS_PROXY_ALLOWED_RESOURCES',
    type: listValue(resourceValue),
    restricts: true,
    group: 'Identity',
    help: 'Resources that requests may get tokens for. Others are refused. Without this setting all are allowed and Entra decides. An empty list stops the start.',
  },
  identityBinding: {
    flag: 'identity-binding',
    env: 'IMDS_PROXY_IDENTITY_BINDING',
    type: choiceValue(['auto', 'on', 'off']),
    default: 'auto',
    group: 'Identity binding',
    help: 'Whether tokens come from the AKS token proxy. auto: if AZURE_KUBERNETES_TOKEN_PROXY is set. on: the start fails if it is not set. off: tokens come from Entra directly. An identity with its own mode in IMDS_PROXY_IDENTITIES keeps that mode.',
  },
  tokenProxy: {
    env: 'AZURE_KUBERNETES_TOKEN_PROXY',
    type: httpsUrlValue,
    group: 'Identity binding',
    help: 'URL of the AKS token proxy.',
  },
  tokenProxySni: {
    env: 'AZURE_KUBERNETES_SNI_NAME',
    type: dnsNameValue,
    group: 'Identity binding',
    help: 'TLS server name of the token proxy, if it differs from the host of its URL.',
  },
  tokenProxyCaFile: {
    env: 'AZURE_KUBERNETES_CA_FILE',
    type: fileValue,
    group: 'Identity binding',
    help: 'Absolute path of the CA certificates (PEM) for the token proxy. Only these are trusted.',
  },
  tokenProxyCaData: {
    env: 'AZURE_KUBERNETES_CA_DATA',
    type: certificatesValue,
    group: 'Identity binding',
    help: 'The same certificates as text. Set only one of the two.',
  },
  tokenProxyViaHttpProxy: {
    flag: 'token-proxy-via-http-proxy',
    env: 'IMDS_PROXY_TOKEN_PROXY_VIA_HTTP_PROXY',
    type: booleanValue,
    default: 'false',
    group: 'Identity binding',
    help: "Uses the HTTP proxy of HTTPS_PROXY for the token proxy as well, unless NO_PROXY matches. The token proxy is the cluster's API server, which is usually reached directly.",
  },
  passthrough: {
    flag: 'passthrough',
    env: 'IMDS_PROXY_PASSTHROUGH',
    type: choiceValue(['off', 'instance', 'all']),
    default: 'instance',
    group: 'Pass-through',
    help: 'Which other metadata paths are forwarded to the real metadata service. off: none. instance: instance, versions, scheduledevents and loadbalancer. all: attested documents as well.',
  },
  metadataEndpoint: {
    flag: 'metadata-endpoint',
    env: 'IMDS_PROXY_METADATA_ENDPOINT',
    type: endpointValue,
    default: `${metadataAddress}:${metadataPort}`,
    group: 'Pass-through',
    help: 'Address and port of the real metadata service.',
  },
  httpsProxy: {
    env: 'https_proxy',
    envAlias: 'HTTPS_PROXY',
    type: httpProxyValue,
    secret: true,
    group: 'Network',
    help: 'HTTP proxy for requests to Entra, with user and password if it needs them. The metadata address and loopback are always reached directly.',
  },
  httpProxy: {
    env: 'http_proxy',
    envAlias: 'HTTP_PROXY',
    type: httpProxyValue,
    secret: true,
    group: 'Network',
    help: 'Used if HTTPS_PROXY is not set.',
  },
  noProxy: {
    env: 'no_proxy',
    envAlias: 'NO_PROXY',
    type: textValue,
    group: 'Network',
    help: 'Hosts that are reached without the HTTP proxy, separated by commas or spaces: names (with their subdomains), .names, addresses and CIDRs, each with or without :port, or * for all.',
  },
  extraCaCertsFile: {
    env: 'NODE_EXTRA_CA_CERTS',
    envAlias: 'SSL_CERT_FILE',
    type: textValue,
    group: 'Network',
    help: 'File with CA certificates (PEM, at most 1 MiB) that are trusted beside the public ones, such as those of a proxy that intercepts TLS. Read again for each exchange, so a replaced file needs no restart. The proxy does not read SSL_CERT_DIR.',
  },
  exchangerLinger: {
    flag: 'exchanger-linger',
    env: 'IMDS_PROXY_EXCHANGER_LINGER',
    type: textValue,
    retired: 'the proxy itself requests tokens, there is no exchanger process',
    group: 'Stop',
    help: 'Has no effect.',
  },
  exchangerPrestart: {
    flag: 'exchanger-prestart',
    env: 'IMDS_PROXY_EXCHANGER_PRESTART',
    type: textValue,
    retired: 'the proxy itself requests tokens, there is no exchanger process',
    group: 'Stop',
    help: 'Has no effect.',
  },
  drainQuiet: {
    flag: 'drain-quiet',
    env: 'IMDS_PROXY_DRAIN_QUIET',
    type: durationValue(shortWait),
    group: 'Stop',
    help: 'After SIGTERM the proxy serves until the application has ended. It then stops when no request has come for this long. Default: 250ms, or 5s where it cannot see the sockets of the pod. 0: stop at once, which is right for a native sidecar.',
  },
  drainDeadline: {
    flag: 'drain-deadline',
    env: 'IMDS_PROXY_DRAIN_DEADLINE',
    type: durationValue({ leastMs: 0, mostMs: 86_400_000 }),
    group: 'Stop',
    help: 'The proxy stops this long after SIGTERM in any case. Set it 5s below terminationGracePeriodSeconds. Default: 25s, or 1h while it sees that the application runs.',
  },
  logLevel: {
    flag: 'log-level',
    env: 'IMDS_PROXY_LOG_LEVEL',
    type: logLevelValue,
    default: '',
    group: 'Logs and metrics',
    help: 'How much is logged: the empty string (errors only), warning, info, debug, trace or all.',
  },
  terminationLog: {
    // Without a flag: a command line that cannot be read is one of the messages.
    env: 'IMDS_PROXY_TERMINATION_LOG',
    type: fileValue,
    default: usualTerminationLog,
    group: 'Logs and metrics',
    help: 'File that gets the reason if the proxy cannot continue, if the file exists. kubectl describe pod shows it.',
  },
  runtimeMetrics: {
    flag: 'runtime-metrics',
    env: 'IMDS_PROXY_RUNTIME_METRICS',
    type: booleanValue,
    default: 'false',
    group: 'Logs and metrics',
    help: 'Adds metrics of the process and of Node.js from the first scrape on. They cost about one wake-up a second.',
  },
  probe: probeOptions.probe,
  version: probeOptions.version,
} as const satisfies OptionTable;
