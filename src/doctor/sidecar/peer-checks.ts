import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { toPeerHost } from '../../proxy/entra/explain/context.ts';
import { toHostname } from '../../proxy/entra/transport/dial.ts';
import {
  describeReadFault,
  MAX_SETTING_FILE_BYTES,
  readSmallFile,
} from '../../shared/small-file.ts';
import { type Check, type Evidence, type Finding, fail, ok } from '../engine/check.ts';
import { type CertificateFacts, parseCertificates } from '../network/certificate.ts';
import { explainNetworkFault } from '../network/explain.ts';
import { askNameServers } from '../network/name-servers.ts';
import type { TlsFacts } from '../network/peer-path.ts';
import type { ExaminedPeer } from './peers.ts';

const docs = {
  entra: 'docs/troubleshooting.md#entra-cannot-be-reached',
  'token-proxy': 'docs/troubleshooting.md#the-token-proxy-of-aks',
} as const;

/**
 * The steps of a connection to a peer, up to TLS. Through an HTTP proxy, that one resolves the name and
 * connects.
 */
export function createPeerChecks(peer: ExaminedPeer): readonly Check[] {
  const { id, via } = peer;
  const tls = { id: `${id}-tls`, run: () => checkTls(peer) };
  if (via !== undefined) {
    return [
      { id: `${id}-http-proxy`, needs: ['settings'], run: () => checkHttpProxy(peer, via) },
      { ...tls, needs: [`${id}-http-proxy`] },
    ];
  }
  return [
    { id: `${id}-dns`, needs: ['settings'], run: () => checkName(peer) },
    { id: `${id}-tcp`, needs: [`${id}-dns`], run: () => checkTcp(peer) },
    { ...tls, needs: [`${id}-tcp`] },
  ];
}

async function checkHttpProxy(peer: ExaminedPeer, via: string): Promise<Finding> {
  const evidence = { 'HTTP proxy': via, because: peer.because };
  try {
    await peer.path.connection();
    return ok(`${via} connects to ${toPeerHost(peer.asPeer)}`, { evidence });
  } catch (error) {
    return toFailure(peer, error, evidence);
  }
}

async function checkName(peer: ExaminedPeer): Promise<Finding> {
  const name = toHostname(new URL(peer.url).hostname);
  try {
    const addresses = await peer.path.addresses();
    return ok(
      isIP(name) === 0 ? `${name}: ${formatAddresses(addresses)}` : `${name} is an address`,
    );
  } catch (error) {
    return toFailure(peer, error, await askNameServers(name));
  }
}

function formatAddresses(addresses: readonly LookupAddress[]): string {
  const [first, ...others] = addresses.map(({ address }) => address);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}

async function checkTcp(peer: ExaminedPeer): Promise<Finding> {
  const evidence = { route: `direct, because ${peer.because}` };
  try {
    await peer.path.connection();
    return ok(`${toPeerHost(peer.asPeer)} accepts connections`, { evidence });
  } catch (error) {
    const tried = error instanceof Error && 'faults' in error ? { tried: error.message } : {};
    return toFailure(peer, error, { ...evidence, ...tried });
  }
}

async function checkTls(peer: ExaminedPeer): Promise<Finding> {
  let facts: TlsFacts;
  try {
    facts = await peer.path.tls();
  } catch (error) {
    return toFailure(peer, error, await describeTrust(peer));
  }
  const { fault, protocol, chain, serverName } = facts;
  const evidence: Evidence = { 'server name': serverName, ...describeChain(chain) };
  const issuer = chain[0]?.issuer ?? '(unknown)';
  if (fault === undefined) {
    return ok(`${protocol}, certificate from ${issuer}`, { evidence });
  }
  const { summary, fix } = explainNetworkFault(fault, peer.asPeer);
  return fail(`${summary}; its certificate is from ${issuer}`, {
    evidence: { ...evidence, ...(await describeTrust(peer)) },
    fix,
    docs: docs[peer.id],
  });
}

function describeChain(chain: readonly CertificateFacts[]): Evidence {
  return Object.fromEntries(
    chain.map(({ subject, issuer, validFrom, validTo }, index) => [
      index === 0 ? 'certificate' : `issuer ${index}`,
      `${subject}; issued by ${issuer}; valid from ${validFrom} to ${validTo}`,
    ]),
  );
}

/** Which CAs the proxy trusts for this peer, as the file has them now. */
async function describeTrust({ trust }: ExaminedPeer): Promise<Evidence> {
  const { description, file } = trust;
  if (file === undefined) return { trusted: description };
  return { trusted: description, 'CA file': `${file} ${await describeCaFile(file)}` };
}

/** Continues a sentence that begins with the file. */
async function describeCaFile(file: string): Promise<string> {
  let pem: string;
  try {
    pem = await readSmallFile(file, MAX_SETTING_FILE_BYTES);
  } catch (error) {
    return describeReadFault(error, MAX_SETTING_FILE_BYTES);
  }
  const certificates = parseCertificates(pem);
  const [first, ...others] = certificates;
  if (first === undefined) return 'contains no certificate';
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `contains ${first.subject} (valid from ${first.validFrom} to ${first.validTo})${more}`;
}

function toFailure(peer: ExaminedPeer, error: unknown, evidence: Evidence): Finding {
  const { summary, fix } = explainNetworkFault(error, peer.asPeer);
  return fail(summary, { evidence, fix, docs: docs[peer.id] });
}
