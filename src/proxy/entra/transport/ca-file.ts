import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import type { Logger } from '../../../shared/logger.ts';
import { findPemCertificates } from '../../../shared/pem.ts';
import {
  describeReadFault,
  MAX_SETTING_FILE_BYTES,
  readSmallFile,
} from '../../../shared/small-file.ts';
import type { Clock } from '../../clock.ts';
import { deadlines, untilAborted, withDeadline } from '../../deadlines.ts';
import type { TokenProxyPeer } from '../settings.ts';
import { explainFault } from './explained-fault.ts';

/**
 * The certificates that vouch for a peer, each in PEM; undefined for those of Node. The same array as long as they
 * do not change.
 */
export type ReadCa = (signal: AbortSignal) => Promise<readonly string[] | undefined>;

export interface CaFileDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What was good the last time, as known from before the start. */
  readonly lastGoodPem?: string | undefined;
  /** Called with each new content that is good, for the next start. */
  readonly remember?: ((pem: string) => void) | undefined;
  /** Rejects with Node's error codes. */
  readonly readFile?: ((path: string) => Promise<string>) | undefined;
}

/** What one CA file is for. */
interface CaFile {
  readonly path: string;
  /** Names the file in messages. */
  readonly setting: string;
  /** What the file vouches for, in messages. */
  readonly peer: string;
  /** @returns undefined if the text cannot be used. */
  readonly parse: (pem: string) => readonly string[] | undefined;
}

/**
 * The CA that alone vouches for the token proxy, from the file or the text that the settings name.
 * @returns undefined if they name none: then the public roots do
 */
export function createTokenProxyCaReader(
  deps: CaFileDeps,
  ca: TokenProxyPeer['ca'],
): ReadCa | undefined {
  switch (ca.kind) {
    case 'system':
      return undefined;
    case 'data': {
      const certificates = parsePemCertificates(ca.pem);
      if (certificates === undefined) throw new Error('AZURE_KUBERNETES_CA_DATA was not checked');
      return () => Promise.resolve(certificates);
    }
    case 'file':
      return createTokenProxyCaFileReader(deps, ca.path);
  }
}

/**
 * The file is read again each time, because it is replaced in place. While it is empty, damaged or missing, as
 * it may be for a moment, the last good one holds.
 * @throws an explained fault if there has been nothing good so far; or the signal's reason.
 */
function createTokenProxyCaFileReader(deps: CaFileDeps, path: string): ReadCa {
  const setting = 'AZURE_KUBERNETES_CA_FILE';
  const peer = 'the token proxy';
  const read = createFileReader(deps, { path, setting, peer, parse: parsePemCertificates });
  return async (signal) => {
    const { good, fault } = await untilAborted(read(), signal);
    if (good !== undefined) return good;
    throw explainFault({
      means: 'ERR_UNAVAILABLE',
      description: `The file of ${setting} (${path}) ${fault}.`,
      hint: 'Without the CA of the token proxy the proxy cannot connect to it. The azure-workload-identity webhook mounts the CA. If the file stays like this, create the pod again.',
      retry: 'transient',
    });
  };
}

/**
 * The public roots and, beside them, the certificates of NODE_EXTRA_CA_CERTS (or SSL_CERT_FILE). Node itself
 * reads that file once, at startup. This reads it again each time, so that a CA that is replaced, such as
 * that of a proxy that intercepts TLS, needs no restart, and one that is removed is no longer trusted.
 * Without a good certificate in it the public roots hold.
 * @throws the signal's reason.
 */
export function createExtraCaReader(deps: CaFileDeps, path: string): ReadCa {
  const setting = 'NODE_EXTRA_CA_CERTS or SSL_CERT_FILE';
  const read = createFileReader(deps, {
    path,
    setting,
    peer: 'Entra',
    parse: parseEachCertificate,
  });
  let last: { good: FileState['good']; trusted: readonly string[] | undefined } | undefined;
  return async (signal) => {
    const { good } = await untilAborted(read(), signal);
    if (last === undefined || last.good !== good) last = { good, trusted: toTrusted(good ?? []) };
    return last.trusted;
  };
}

/**
 * What Node trusts without the file, whatever its flags say of the system's store, and `extra`.
 * @returns undefined if that is what Node trusts: it has parsed that store already, which takes milliseconds
 */
function toTrusted(extra: readonly string[]): readonly string[] | undefined {
  const wanted = new Set(extra.map((pem) => pem.trim()));
  const loaded = new Set(getCACertificates('extra').map((pem) => pem.trim()));
  if (wanted.size === loaded.size && [...wanted].every((pem) => loaded.has(pem))) return undefined;
  const base = getCACertificates('default').map((pem) => pem.trim());
  return [...new Set([...base.filter((pem) => !loaded.has(pem)), ...wanted])];
}

interface FileState {
  readonly good: readonly string[] | undefined;
  /** Continues the sentence "The file … ". */
  readonly fault: string | undefined;
}

function createFileReader(
  {
    clock,
    logger,
    lastGoodPem,
    remember,
    readFile = (path) => readSmallFile(path, MAX_SETTING_FILE_BYTES),
  }: CaFileDeps,
  { path, setting, peer, parse }: CaFile,
): () => Promise<FileState> {
  const deadline = {
    afterMs: deadlines.readMs,
    toError: () => Object.assign(new Error('read deadline'), { code: 'ETIMEDOUT' }),
  };
  const never = new AbortController().signal;
  let goodPem = lastGoodPem;
  let good = goodPem === undefined ? undefined : parse(goodPem);
  let knownFault: string | undefined;
  let reading: Promise<FileState> | undefined;

  const findFault = async (): Promise<string | undefined> => {
    let pem: string;
    try {
      pem = await withDeadline(clock, deadline, never, () => readFile(path));
    } catch (error) {
      return describeReadFault(error, MAX_SETTING_FILE_BYTES);
    }
    if (pem === goodPem && good !== undefined) return undefined;
    if (pem.trim() === '') return 'is empty';
    const certificates = parse(pem);
    if (certificates === undefined) return 'holds no certificate, or one that cannot be parsed';
    if (good !== undefined) {
      logger.log('info', `the CA of ${peer} has changed: ${setting}`, {
        file: path,
        certificates: certificates.length,
      });
    }
    goodPem = pem;
    good = certificates;
    remember?.(pem);
    return undefined;
  };

  const read = async (): Promise<FileState> => {
    const fault = await findFault();
    if (good !== undefined && fault !== undefined && fault !== knownFault) {
      logger.log('warning', `The file of ${setting} (${path}) ${fault}; its last good CA is used`);
    }
    knownFault = fault;
    return { good, fault };
  };

  return () => {
    // One at a time: a read that began earlier and ends later would bring back the old CA.
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

/**
 * The certificates of a PEM text, one a string.
 * @returns undefined if the text has no certificate or one that cannot be parsed. Node would treat such a
 * text as "no CA is set" and trust the public roots.
 */
export function parsePemCertificates(pem: string): readonly string[] | undefined {
  const blocks = findPemCertificates(pem);
  const certificates = blocks.map(parseCertificate);
  const isWhole = certificates.every((certificate) => certificate !== undefined);
  return blocks.length > 0 && isWhole ? certificates : undefined;
}

/** Those that can be parsed, as Node and Go take them: a bundle may hold one that OpenSSL does not know. */
function parseEachCertificate(pem: string): readonly string[] | undefined {
  const certificates = findPemCertificates(pem)
    .map(parseCertificate)
    .filter((certificate) => certificate !== undefined);
  return certificates.length > 0 ? certificates : undefined;
}

function parseCertificate(block: string): string | undefined {
  try {
    return new X509Certificate(block).toString();
  } catch {
    return undefined;
  }
}
