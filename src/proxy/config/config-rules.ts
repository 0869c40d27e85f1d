import type { Environment, Resolution } from '../../shared/options.ts';
import { findExtraCaFault } from '../extra-ca-check.ts';
import { DEFAULT_DRAIN_DEADLINE_MS } from '../process/shutdown.ts';
import { toRegionalAuthority } from '../regional-authority.ts';
import { proxyOptions } from './options.ts';
import { isLoopback, isWildcard } from './options-address.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** Values that are fine each and cannot be had together. */
export function findConflicts({
  values,
  names,
}: Pick<Resolution<typeof proxyOptions>, 'values' | 'names'>): readonly string[] {
  const errors: string[] = [];
  const { proxyPort, adminPort, bindAddress, adminAddress } = values;
  if (proxyPort !== undefined && proxyPort === adminPort) {
    const addresses = [bindAddress, adminAddress];
    if (
      bindAddress === adminAddress ||
      addresses.some((it) => it !== undefined && isWildcard(it))
    ) {
      errors.push(
        `${names.adminPort}: ${adminPort} is the port of the proxy itself (${names.proxyPort}); set another one, or 0 to do without`,
      );
    }
  }
  const { drainQuiet, drainDeadline = DEFAULT_DRAIN_DEADLINE_MS } = values;
  if (drainQuiet !== undefined && drainQuiet > drainDeadline) {
    errors.push(
      `${names.drainQuiet}: ${drainQuiet} ms is longer than the whole time to stop, ${drainDeadline} ms (${names.drainDeadline}); shorten it`,
    );
  }
  const { authorityHost, regionalAuthority } = values;
  if (authorityHost !== undefined && regionalAuthority !== undefined) {
    if (toRegionalAuthority(authorityHost, regionalAuthority) === undefined) {
      errors.push(
        `${names.regionalAuthority}: no regional authority is known for ${authorityHost} (${names.authorityHost}); unset it, or set ${names.authorityHost} to the regional one`,
      );
    }
  }
  return errors;
}

/** What works, but is probably not meant or not safe. */
export function findRisks(config: ProxyConfig, env: Environment): readonly string[] {
  const warnings: string[] = [];
  const { listen, allowedClientIds, defaultClientId, identities } = config;
  if (!isLoopback(listen.address)) {
    warnings.push(
      `${proxyOptions.bindAddress.env}: whoever reaches ${listen.address} port ${listen.port} can get tokens; make sure that only the application can, or bind 127.0.0.1`,
    );
  }
  if (defaultClientId === undefined && identities.length === 0) {
    warnings.push(
      `${proxyOptions.clientId.env}: not set, so that requests which name no identity are refused; set the annotation azure.workload.identity/client-id of the pod's ServiceAccount and create the pod anew, or set the variable`,
    );
  }
  if (allowedClientIds !== undefined) {
    const wanted = [defaultClientId, ...identities.map(({ clientId }) => clientId)];
    for (const clientId of new Set(wanted)) {
      if (clientId === undefined || allowedClientIds.includes(clientId)) continue;
      const source =
        clientId === defaultClientId ? proxyOptions.clientId.env : proxyOptions.identities.env;
      warnings.push(
        `${source}: ${clientId} is not in ${proxyOptions.allowedClientIds.env}, so that no token is given for it; add it there if that is not meant`,
      );
    }
  }
  const { extraCaCertsFile } = config.network;
  const caFault = extraCaCertsFile === undefined ? undefined : findExtraCaFault(extraCaCertsFile);
  if (caFault !== undefined) {
    warnings.push(
      `${proxyOptions.extraCaCertsFile.env}: ${JSON.stringify(extraCaCertsFile)} ${caFault}, so the proxy does not trust the CA that it should hold; mount CA certificates in PEM there, or unset the variable`,
    );
  }
  if ((env['SSL_CERT_DIR'] ?? '') !== '') {
    warnings.push(
      `SSL_CERT_DIR: the proxy does not read folders of CA certificates; put the certificates into one file and set ${proxyOptions.extraCaCertsFile.env} to it`,
    );
  }
  return warnings;
}
