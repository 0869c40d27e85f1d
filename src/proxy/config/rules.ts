import type { Environment, Resolution } from '../../shared/options.ts';
import { findPemCertificates } from '../../shared/pem.ts';
import { DEFAULT_DRAIN_DEADLINE_MS } from '../deadlines.ts';
import { toRegionalAuthority } from './exchange-settings.ts';
import { findNoProxyFaults } from './no-proxy.ts';
import type { proxyOptions } from './options.ts';
import type { ProxyConfig } from './proxy-config.ts';
import { readSettingFile } from './read-setting-file.ts';
import { isLoopback, isWildcard } from './values.ts';

type Resolved = Resolution<typeof proxyOptions>;

/** Values that are valid by themselves and contradict each other. */
export function findConflicts({
  values,
  names,
}: Pick<Resolved, 'values' | 'names'>): readonly string[] {
  const errors: string[] = [];
  const { proxyPort, adminPort, bindAddress, adminAddress } = values;
  if (proxyPort !== undefined && proxyPort === adminPort) {
    const addresses = [bindAddress, adminAddress];
    if (
      bindAddress === adminAddress ||
      addresses.some((it) => it !== undefined && isWildcard(it))
    ) {
      errors.push(
        `${names.adminPort}: ${adminPort} is the port of the token endpoint (${names.proxyPort}); set another port, or 0 to turn the admin port off`,
      );
    }
  }
  const { drainQuiet, drainDeadline = DEFAULT_DRAIN_DEADLINE_MS } = values;
  if (drainQuiet !== undefined && drainQuiet > drainDeadline) {
    errors.push(
      `${names.drainQuiet}: ${drainQuiet} ms is longer than the shutdown may take, ${drainDeadline} ms (${names.drainDeadline}); set a shorter time`,
    );
  }
  const { authorityHost, regionalAuthority } = values;
  if (authorityHost !== undefined && regionalAuthority !== undefined) {
    if (toRegionalAuthority(authorityHost, regionalAuthority) === undefined) {
      errors.push(
        `${names.regionalAuthority}: no regional authority is known for ${authorityHost} (${names.authorityHost}); remove the setting, or set ${names.authorityHost} to the regional authority`,
      );
    }
  }
  return errors;
}

/**
 * What works, but is probably a mistake or not safe.
 * @param names the name of each setting where its value came from: flag or variable.
 */
export function findRisks(
  config: ProxyConfig,
  names: Resolved['names'],
  env: Environment,
): readonly string[] {
  const warnings: string[] = [];
  const { bindAddress, proxyPort, clientId, identities, noProxy, extraCaCertsFile } = config;
  if (!isLoopback(bindAddress)) {
    warnings.push(
      `${names.bindAddress}: every process that can connect to ${bindAddress} port ${proxyPort} can get tokens; set 127.0.0.1, or make sure that only the application can connect`,
    );
  }
  if (clientId === undefined && identities.length === 0) {
    warnings.push(
      `${names.clientId}: not set, so requests that name no identity are refused; set the annotation azure.workload.identity/client-id on the pod's ServiceAccount and recreate the pod, or set the variable`,
    );
  }
  warnings.push(...findForbiddenIdentities(config, names));
  for (const fault of noProxy === undefined ? [] : findNoProxyFaults(noProxy)) {
    warnings.push(`${names.noProxy}: the entry ${fault}, so it matches nothing; correct it`);
  }
  const caFault = extraCaCertsFile === undefined ? undefined : findExtraCaFault(extraCaCertsFile);
  if (caFault !== undefined) {
    warnings.push(
      `${toExtraCaName(names.extraCaCertsFile)}: ${JSON.stringify(extraCaCertsFile)} ${caFault}, so the proxy does not trust that CA; mount CA certificates in PEM there, or remove the variable`,
    );
  }
  if ((env['SSL_CERT_DIR'] ?? '') !== '') {
    warnings.push(
      `SSL_CERT_DIR: the proxy does not read folders of CA certificates; put the certificates into one file and set NODE_EXTRA_CA_CERTS to it`,
    );
  }
  return warnings;
}

function findForbiddenIdentities(
  { clientId, identities, allowedClientIds }: ProxyConfig,
  names: Resolved['names'],
): readonly string[] {
  if (allowedClientIds === undefined) return [];
  const wanted = new Set([clientId, ...identities.map((identity) => identity.clientId)]);
  return [...wanted].flatMap((one) => {
    if (one === undefined || allowedClientIds.includes(one)) return [];
    const source = one === clientId ? names.clientId : names.identities;
    return [
      `${source}: ${one} is not in ${names.allowedClientIds}, so requests for it are refused; add it there if it should get tokens`,
    ];
  });
}

/**
 * Checks the file of extra CAs at startup, so that a mistake shows before the first exchange. It checks the
 * shape of each certificate and does not parse it: node:crypto would cost the start 20 ms and the server 3 MB.
 * @returns the fault; continues a sentence that begins with the file.
 */
function findExtraCaFault(path: string): string | undefined {
  const file = readSettingFile(path);
  if (!file.ok) return file.fault;
  const bodies = findPemCertificates(file.content).map((block) =>
    Buffer.from(block.replaceAll(/-----[^-]*-----/g, ''), 'base64'),
  );
  if (bodies.length === 0) return 'contains no PEM certificate';
  const damaged = bodies.findIndex((der) => !isWholeSequence(der));
  return damaged === -1 ? undefined : `contains a damaged certificate (number ${damaged + 1})`;
}

/** Whether the bytes are one DER SEQUENCE of the length that it states (X.690, 8.1.3), as every certificate is. */
function isWholeSequence(der: Buffer): boolean {
  const lengthBytes = (der[1] ?? 0) - 0x80;
  if (der[0] !== 0x30 || lengthBytes < 1 || lengthBytes > 3) return false;
  const start = 2 + lengthBytes;
  return der.length > start && der.length === start + der.readUIntBE(2, lengthBytes);
}

/** A file that Node must not read comes in the second variable, whichever was set (shared/extra-ca-guard.ts). */
function toExtraCaName(name: string): string {
  return name === 'SSL_CERT_FILE' ? 'NODE_EXTRA_CA_CERTS or SSL_CERT_FILE' : name;
}
