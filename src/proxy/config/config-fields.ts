import type { LogFields } from '../../shared/logger.ts';
import { toEntraSettings } from './config-exchange.ts';
import type { Endpoint } from './options-address.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** The effective configuration for the one log line that shows it; nothing in it is secret. */
export function toConfigFields(config: ProxyConfig): LogFields {
  const { network, identityBinding, drain } = config;
  const settings = toEntraSettings(config);
  return {
    listen: formatEndpoint(config.listen),
    admin: config.admin === undefined ? 'off' : formatEndpoint(config.admin),
    log_level: config.logLevel,
    allowed_hosts: config.allowedHosts.join(' ') || undefined,
    identity_header: config.identityHeader === undefined ? undefined : 'set',
    client_id: config.defaultClientId,
    tenant_id: config.tenantId,
    federated_token_file: config.federatedTokenFile,
    authority_host: settings.authorityHost,
    identities: config.identities.length,
    allowed_client_ids: config.allowedClientIds?.join(' '),
    allowed_resources: config.allowedResources?.join(' '),
    exchange_mode: config.exchangeMode,
    token_proxy: identityBinding?.url,
    token_proxy_server_name: identityBinding?.serverName,
    token_proxy_ca: identityBinding?.ca.kind,
    passthrough: config.passthrough,
    metadata_endpoint: formatEndpoint(config.metadataEndpoint),
    // May hold credentials.
    https_proxy: network.httpsProxy === undefined ? undefined : 'set',
    http_proxy: network.httpProxy === undefined ? undefined : 'set',
    entra_via: toHost(settings.httpProxy),
    token_proxy_via: toHost(settings.tokenProxy?.httpProxy),
    no_proxy: network.noProxy,
    extra_ca_certs: network.extraCaCertsFile,
    drain_quiet_ms: drain.quietMs,
    drain_deadline_ms: drain.deadlineMs,
    runtime_metrics: config.runtimeMetrics,
  };
}

/** Host and port of a URL, which are no secret. */
function toHost(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).host;
}

function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
