import { isUsableIssuer } from '../../proxy/entra/explain/commands.ts';
import { toPrintable } from '../../shared/untrusted-text.ts';
import { type Finding, fail, ok } from '../engine/check.ts';

const docs = 'docs/self-managed.md';

/** Whether everybody can verify the server's certificate. */
export function judgeCertificate(isPublic: readonly boolean[]): Finding {
  if (isPublic.every(Boolean)) return ok('a public authority vouches for the server');
  return fail('only a CA of this machine (NODE_EXTRA_CA_CERTS) vouches for the server', {
    fix: 'Use a certificate of a public authority: Entra knows no other. If this network intercepts TLS, run this check outside of it.',
    docs,
  });
}

/** Whether Entra can use the URL as it is. */
export function judgeUrl(issuer: string): Finding {
  if (isUsableIssuer(issuer) && !isPrivateHost(new URL(issuer).hostname)) return ok(issuer);
  return fail(`Entra cannot use ${issuer} as an issuer`, {
    fix: 'Give the cluster an issuer URL that the internet can read: https, no name of the cluster itself. Set --service-account-issuer to it, and keep the old one as a second flag until all pods have new tokens.',
    docs,
  });
}

/** Every character counts for Entra. @param where has the other text, such as `the discovery document`. */
export function judgeName(issuer: string, found: unknown, where: string): Finding {
  if (found === issuer) return ok(`${where} names ${issuer}, to the letter`);
  const shown = typeof found === 'string' ? toPrintable(found.slice(0, 300)) : 'no text';
  return fail(
    `${where} has another issuer: ${typeof found === 'string' ? describeDifference(issuer, found) : 'it is missing'}`,
    {
      evidence: { asked: issuer, found: shown },
      fix: 'Use one text everywhere: --service-account-issuer of the API server, the documents (proxy issuer documents --issuer), and the federated credentials (az identity federated-credential update --issuer).',
      docs,
    },
  );
}

function describeDifference(one: string, other: string): string {
  if (one.replace(/\/+$/, '') === other.replace(/\/+$/, '')) return 'the slash at its end differs';
  if (one.toLowerCase() === other.toLowerCase()) return 'upper and lower case differ';
  if (one.trim() === other.trim()) return 'white space differs';
  if (one.replace(/^https:/, '') === other.replace(/^http:/, '')) return 'it begins with http:';
  return 'it is another URL';
}

/** Where the keys are, if Entra can get there. */
export function judgeKeySetUrl(value: unknown): Finding {
  if (typeof value !== 'string' || value === '') {
    return fail('the discovery document has no jwks_uri', {
      fix: 'Write both documents again: proxy issuer documents (docs/self-managed.md).',
      docs,
    });
  }
  const shown = toPrintable(value.slice(0, 300));
  if (isUsableIssuer(value) && !isPrivateHost(new URL(value).hostname)) return ok(shown);
  return fail(`jwks_uri leads to where Entra cannot read it: ${shown}`, {
    fix: 'Set --service-account-jwks-uri of the API server to the public address of the keys; without the flag it names its own address. Then publish the documents again.',
    docs,
  });
}

/** Whether an address in a URL is of a private network. */
export function isPrivateHost(hostname: string): boolean {
  return /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|localhost$|\[?(?:::1$|::1\]|f[cd][\da-f]{2}:|fe80:))/i.test(
    hostname,
  );
}

/** Longer, and a new key is unknown to those who read the old document for as long. */
const LONG_CACHE_SECONDS = 24 * 3_600;

/** How long others may keep the documents. */
export function judgeCaching(headers: readonly (string | undefined)[]): Finding {
  const texts = headers.map((header) => toPrintable((header ?? 'none').slice(0, 100)));
  const [discovery = 'none', keys = 'none'] = texts;
  const evidence = { discovery, keys };
  const longest = Math.max(
    0,
    ...headers.map((header) => Number(/max-age="?(\d{1,10})/i.exec(header ?? '')?.[1] ?? 0)),
  );
  if (longest <= LONG_CACHE_SECONDS) {
    return ok(`Cache-Control: ${discovery} (discovery document), ${keys} (keys)`, { evidence });
  }
  return {
    status: 'warn',
    summary: `the documents may be kept for ${Math.round(longest / 3_600)} h: for so long a new key is unknown`,
    evidence,
    fix: 'Set Cache-Control: public, max-age=3600 on both documents, as the API server does. Publish a new key this long before the API server signs with it.',
    docs,
  };
}
