import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { MIN_KEY_BITS } from '../../issuer/public-key.ts';
import { parseObject } from '../../proxy/entra/exchange/assertion.ts';
import { toPrintable } from '../../shared/untrusted-text.ts';
import { type Finding, fail, ok, warn } from '../engine/check.ts';

const docs = 'docs/self-managed.md';

/** A key that Entra can use, or may. */
export interface PublishedKey {
  readonly kid: string;
  readonly key: KeyObject;
}

/** More keys than any cluster has. */
const MAX_KEYS = 50;

const again =
  'Write the key set again from the public keys of the API server (--service-account-key-file): proxy issuer documents';

/** The keys of a key set, and its faults. */
export function judgeKeys(keySet: Readonly<Record<string, unknown>>): {
  readonly keys: readonly PublishedKey[];
  readonly finding: Finding;
} {
  const list = Array.isArray(keySet['keys']) ? keySet['keys'].slice(0, MAX_KEYS) : [];
  const keys: PublishedKey[] = [];
  const faults: string[] = [];
  let isLeaked = false;
  for (const [index, item] of list.entries()) {
    const jwk = typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : {};
    const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : '';
    const name = kid === '' ? `key ${index + 1}` : toPrintable(kid.slice(0, 80));
    if (['d', 'p', 'q', 'k'].some((part) => jwk[part] !== undefined)) isLeaked = true;
    const fault = findFault(jwk, kid, keys);
    if (typeof fault === 'string') faults.push(`${name} ${fault}`);
    else keys.push({ kid, key: fault });
  }
  return { keys, finding: toFinding(list.length, keys, faults, isLeaked) };
}

/** @returns the key, or why Entra cannot use it. */
function findFault(
  jwk: Readonly<Record<string, unknown>>,
  kid: string,
  others: readonly PublishedKey[],
): KeyObject | string {
  const { kty, alg, use, n, e } = jwk as Readonly<Record<string, string | undefined>>;
  if (kty !== 'RSA') {
    return `is of the type ${toPrintable(String(kty).slice(0, 20))}, and Entra verifies RSA signatures only`;
  }
  if (use !== undefined && use !== 'sig') return 'is not for signatures (use)';
  if (alg !== undefined && alg !== 'RS256') return 'is not for RS256 (alg)';
  if (kid === '') return 'has no kid, by which Entra finds it';
  if (others.some((other) => other.kid === kid)) return 'is there twice';
  if (typeof n !== 'string' || typeof e !== 'string') return 'is not an RSA key (n, e)';
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { kty, n, e }, format: 'jwk' });
  } catch {
    return 'is not an RSA key (n, e)';
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < MIN_KEY_BITS ? `has ${bits} bits, and ${MIN_KEY_BITS} are the least` : key;
}

function toFinding(
  count: number,
  keys: readonly PublishedKey[],
  faults: readonly string[],
  isLeaked: boolean,
): Finding {
  const names = keys.map(({ kid }) => toPrintable(kid.slice(0, 80))).join(', ');
  if (isLeaked) {
    return fail(
      'the key set has a PRIVATE key: whoever has read it can act as any ServiceAccount',
      {
        fix: `Take it down now, make a new key for the API server, and ${again.replace(/^W/, 'w')}.`,
        docs,
      },
    );
  }
  if (count === 0) {
    return fail('the key set has no keys', { fix: `${again}.`, docs });
  }
  if (faults.length > 0) {
    const evidence = { usable: names || 'none', faults: faults.join('; ') };
    const fix = `${again}. If the API server signs with another kind of key, give it an RSA key: openssl genrsa -out sa.key 2048`;
    const summary = `${faults.length} of ${count} keys cannot be used: ${faults[0]}`;
    return keys.length === 0
      ? fail(summary, { evidence, fix, docs })
      : warn(summary, { evidence, fix, docs });
  }
  return ok(`${count} RSA ${count === 1 ? 'key' : 'keys'}: ${names}`);
}

/** Whether one of the keys verifies a token. Nothing of the token is shown but kid and alg. */
export function judgeToken(token: string, keys: readonly PublishedKey[]): Finding {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const header = parseObject(Buffer.from(head, 'base64url').toString('utf8')) ?? {};
  const { alg, kid } = header;
  const shown = {
    alg: toPrintable(String(alg ?? 'none').slice(0, 20)),
    kid: toPrintable(String(kid ?? 'none').slice(0, 80)),
    published: keys.map((one) => toPrintable(one.kid.slice(0, 80))).join(', ') || 'none',
  };
  if (alg !== 'RS256') {
    return fail(`the token is signed with ${shown.alg}, and Entra verifies RS256 only`, {
      evidence: shown,
      fix: 'Give the API server an RSA key (--service-account-signing-key-file): openssl genrsa -out sa.key 2048',
      docs,
    });
  }
  const found = keys.find((one) => one.kid === kid);
  if (found === undefined) {
    return fail(`the key of the token, ${shown.kid}, is not published`, {
      evidence: shown,
      fix: `${again}, with the key that signs now and the one before it as --public-key, and upload it. If the token was made before a rotation, publish the old key too until it expires.`,
      docs,
    });
  }
  const isValid = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${payload}`),
    found.key,
    Buffer.from(signature, 'base64url'),
  );
  return isValid
    ? ok(`the published key ${shown.kid} verifies the token`)
    : fail(`the published key ${shown.kid} does not verify the token`, {
        evidence: shown,
        fix: `${again}: the published key has the name of another one.`,
        docs,
      });
}

/** Whether the given keys, such as the new and the old one of a rotation, are all published. */
export function judgeRotation(
  wanted: readonly string[] | undefined,
  keys: readonly PublishedKey[],
): Finding {
  const published = new Set(keys.map(({ kid }) => kid));
  if (wanted === undefined) {
    return ok(
      keys.length > 1
        ? `${keys.length} keys are published: a rotation is under way, or the old key can go once its last token has expired`
        : 'one key is published; before a rotation, publish the new one beside it',
    );
  }
  const missing = wanted.filter((kid) => !published.has(kid));
  return missing.length === 0
    ? ok(`every key of --public-key is published (${wanted.length})`)
    : fail(
        `${missing.length} of ${wanted.length} keys of --public-key are not published: ${missing.join(', ')}`,
        {
          evidence: {
            published: [...published].map((kid) => toPrintable(kid.slice(0, 80))).join(', '),
          },
          fix: 'Publish old and new key together before the API server signs with the new one: proxy issuer documents, with a --public-key for each.',
          docs,
        },
      );
}
