import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** The PEM texts that a TLS server and its clients need. */
export interface ServerIdentity extends ServerCertificate {
  /** The CA's certificate, for NODE_EXTRA_CA_CERTS and the like. */
  readonly caPem: string;
}

export interface ServerCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;
/** Longer than a compose stack is left running; the key does not outlive the process anyway. */
const validityMs = 397 * 24 * hourMs;

/** Makes a CA that signs one server certificate for `names` (DNS names, wildcards, IP addresses). */
export async function createServerIdentity(
  names: readonly string[],
  nowMs: number,
): Promise<ServerIdentity> {
  const { caPem, servers } = await createServerIdentities([names], nowMs);
  const [server] = servers;
  if (server === undefined) throw new Error('no certificate was made');
  return { caPem, ...server };
}

/**
 * Makes a CA, lets it sign a server certificate for each list of names and forgets the CA's key: nobody can sign anything else that a machine which trusts this CA would accept.
 * ECDSA, because it makes a handshake (and a start) cheaper than RSA does.
 */
export async function createServerIdentities(
  nameLists: readonly (readonly string[])[],
  nowMs: number,
): Promise<{ readonly caPem: string; readonly servers: readonly ServerCertificate[] }> {
  const notBefore = new Date(nowMs - hourMs);
  const notAfter = new Date(nowMs + validityMs);
  const caKeys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      // Each has its own name, so a trust store that still has an old one is unambiguous.
      name: `CN=Workload identity emulator CA ${randomBytes(4).toString('hex')}`,
      keys: caKeys,
      signingAlgorithm: algorithm,
      notBefore,
      notAfter,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const issue = async (names: readonly string[]): Promise<ServerCertificate> => {
    const serverKeys = await generateKeys();
    const server = await x509.X509CertificateGenerator.create(
      {
        subject: 'CN=Workload identity emulator',
        issuer: ca.subject,
        publicKey: serverKeys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: algorithm,
        notBefore,
        notAfter,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(names.map(toGeneralName)),
          await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return {
      certificatePem: `${server.toString('pem')}\n`,
      privateKeyPem: await toPrivateKeyPem(serverKeys.privateKey),
    };
  };
  return { caPem: `${ca.toString('pem')}\n`, servers: await Promise.all(nameLists.map(issue)) };
}

function toGeneralName(value: string): x509.JsonGeneralName {
  return { type: isIP(value) === 0 ? 'dns' : 'ip', value };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function toPrivateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag);
}
