/**
 * An OIDC issuer on a laptop, in place of a cluster's: a key pair, the two documents by which Entra knows the
 * public key, and tokens that the private key signs. It needs no network, for whoever runs it publishes the
 * documents.
 *
 *   issuer discovery   prints what <ISSUER>/.well-known/openid-configuration must be
 *   issuer jwks        prints what <ISSUER>/openid/v1/jwks must be
 *   issuer serve       writes a token for the proxy, and a new one well before it expires
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { calculateJwkThumbprint, exportJWK, importPKCS8, type JWK, SignJWT } from 'jose';

const keyFile = '/key/issuer.pem';
const tokenFile = '/issued/azure-identity-token';
const algorithm = 'RS256';
const lifetimeSeconds = 3_600;
const renewalMs = 1_800_000;

interface Settings {
  /** As the federated credential has it, to the letter. */
  readonly issuer: string;
  readonly subject: string;
}

function readSettings({ ISSUER = '', SUBJECT = '' }: NodeJS.ProcessEnv): Settings {
  if (!/^https:\/\/[^/?#]+[^?#]*$/.test(ISSUER)) {
    throw new Error(`ISSUER is "${ISSUER}": set it to the https URL where the documents will be`);
  }
  if (SUBJECT === '') throw new Error('SUBJECT not set: any name, as in the federated credential');
  return { issuer: ISSUER, subject: SUBJECT };
}

/** The private key, PEM; made at the first call. */
function readKey(): string {
  if (!existsSync(keyFile)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  }
  return readFileSync(keyFile, 'utf8');
}

async function toJwk(privateKey: string): Promise<JWK> {
  const publicKey: KeyObject = createPublicKey(privateKey);
  const jwk = await exportJWK(publicKey);
  return { ...jwk, use: 'sig', alg: algorithm, kid: await calculateJwkThumbprint(jwk) };
}

function toDiscovery({ issuer }: Settings): object {
  return {
    issuer,
    jwks_uri: `${issuer.replace(/\/+$/, '')}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  };
}

/** Replaces the file at once, so that the proxy never reads half a token. */
async function writeToken({ issuer, subject }: Settings): Promise<void> {
  const privateKey = readKey();
  const { kid = '' } = await toJwk(privateKey);
  const token = await new SignJWT()
    .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience('api://AzureADTokenExchange')
    .setIssuedAt()
    .setNotBefore('0 s')
    .setExpirationTime(`${lifetimeSeconds} s`)
    .setJti(randomUUID())
    .sign(await importPKCS8(privateKey, algorithm));
  writeFileSync(`${tokenFile}.new`, token, { mode: 0o644 });
  renameSync(`${tokenFile}.new`, tokenFile);
  console.log(`token for ${subject} of ${issuer} written, valid for ${lifetimeSeconds} s`);
}

async function run(command: string | undefined): Promise<void> {
  const settings = readSettings(process.env);
  const print = (document: object): void => console.log(JSON.stringify(document, undefined, 2));
  if (command === 'discovery') print(toDiscovery(settings));
  else if (command === 'jwks') print({ keys: [await toJwk(readKey())] });
  else if (command === 'serve') {
    process.once('SIGTERM', () => process.exit(0));
    await writeToken(settings);
    setInterval(() => void writeToken(settings).catch(fail), renewalMs);
  } else throw new Error('usage: issuer discovery | jwks | serve');
}

function fail(error: unknown): void {
  console.error(`issuer: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

run(process.argv[2]).catch(fail);
