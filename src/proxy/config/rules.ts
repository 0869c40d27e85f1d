import type { Environment, Resolution } from '../../shared/options.ts';
import { findPemCertificates } from '../../shared/pem.ts';
import { DEFAULT_DRAIN_DEADLINE_MS } from '../process/shutdown.ts';
import type { ProxyConfig } from './config.ts';
import { toRegionalAuthority } from './exchange-settings.ts';
import { findNoProxyFaults } from './no-proxy.ts';
import type { proxyOptions } from './options.ts';
import { readSettingFile } from './read-setting-file.ts';
import { isLoopback, isWildcard } from './values.ts';

type Resolved = Resolution<typeof proxyOptions>;

/** Values that are fine each and cannot be had together. */
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

/**
 * What works, but is probably not meant or not safe.
 * @param names how each setting is called where its value came from.
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
      `${names.bindAddress}: whoever reaches ${bindAddress} port ${proxyPort} can get tokens; make sure that only the application can, or bind 127.0.0.1`,
    );
  }
  if (clientId === undefined && identities.length === 0) {
    warnings.push(
      `${names.clientId}: not set, so that requests which name no identity are refused; set the annotation azure.workload.identity/client-id of the pod's ServiceAccount and create the pod anew, or set the variable`,
    );
  }
  warnings.push(...findForbiddenIdentities(config, names));
  for (const fault of noProxy === undefined ? [] : findNoProxyFaults(noProxy)) {
    warnings.push(`${names.noProxy}: the entry ${fault}, so it matches nothing; correct it`);
  }
  const caFault = extraCaCertsFile === undefined ? undefined : findExtraCaFault(extraCaCertsFile);
  if (caFault !== undefined) {
    warnings.push(
      `${names.extraCaCertsFile}: ${JSON.stringify(extraCaCertsFile)} ${caFault}, so the proxy does not trust the CA that it should hold; mount CA certificates in PEM there, or unset the variable`,
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
      `${source}: ${one} is not in ${names.allowedClientIds}, so that no token is given for it; add it there if that is not meant`,
    ];
  });
}

/**
 * Looks at a file of further CAs, which Node.js would ignore with a line on standard error that names no
 * remedy, or with none. Certificates are only looked at, not parsed: node:crypto would take 20 ms of the
 * start and 3 MB of the server, which has no use for it.
 * @returns what is wrong, to follow the name of the file, or undefined.
 */
function findExtraCaFault(path: string): string | undefined {
  const file = readSettingFile(path);
  if (!file.ok) return file.fault;
  const bodies = findPemCertificates(file.content).map((block) =>
    Buffer.from(block.replaceAll(/-----[^-]*-----/g, ''), 'base64'),
  );
  if (bodies.length === 0) return 'holds no PEM certificate';
  const damaged = bodies.findIndex((der) => !isWholeSequence(der));
  return damaged === -1 ? undefined : `holds a certificate, number ${damaged + 1}, that is damaged`;
}

/** Whether it is one DER SEQUENCE, as every certificate is, and as long as it says (X.690, 8.1.3). */
function isWholeSequence(der: Buffer): boolean {
  const lengthBytes = (der[1] ?? 0) - 0x80;
  if (der[0] !== 0x30 || lengthBytes < 1 || lengthBytes > 3) return false;
  const start = 2 + lengthBytes;
  return der.length > start && der.length === start + der.readUIntBE(2, lengthBytes);
}
