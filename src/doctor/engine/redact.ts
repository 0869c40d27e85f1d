import { redactTokens, toPrintable } from '../../shared/untrusted-text.ts';

/** Makes a text fit to be printed: one line, without secrets. */
export type Redact = (text: string) => string;

/** Shorter secrets would take words of ordinary texts with them. No real one is. */
const leastLength = 8;

const redacted = '[redacted]';

/** User and password of a URL, but for the words that our own texts have in their place. */
const userInfo = /(\b[a-z][a-z\d+.-]{0,20}:\/\/)(?!user:password@)[^\s/@"']+@/gi;

/** The value of an Authorization header. */
const credentials = /\b(Basic|Bearer) +[\w+/=.~-]+/gi;

/**
 * The last defence before the output. Every text of a finding is written to hold no secret; this removes one
 * that got there all the same: whatever looks like a token or a login, and the given secrets as they are,
 * percent-encoded, escaped, in base64 and in hexadecimal.
 * @param secrets whole values, such as the password of an HTTP proxy
 */
export function createRedact(secrets: Iterable<string>): Redact {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= leastLength);
  const forms = [...new Set(known.flatMap(toForms))]
    // A secret that is part of another one must not leave the rest of that one.
    .toSorted((a, b) => b.length - a.length);
  return (text) => {
    let clean = redactTokens(text)
      .replace(userInfo, `$1${redacted}@`)
      .replace(credentials, `$1 ${redacted}`);
    for (const form of forms) clean = clean.replaceAll(form, redacted);
    return toPrintable(clean);
  };
}

/** The ways in which a secret may be written. */
function toForms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const escaped = encodeURIComponent(secret.toWellFormed());
  const base64 = [0, 1, 2].map((before) => toBase64Inside(bytes, before));
  return [
    secret,
    escaped,
    escaped.replace(/%../g, (code) => code.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ];
}

/**
 * The characters that the base64 of a longer text has for these bytes, without those at the edges that depend on
 * their neighbours.
 * @param before how many bytes of the neighbours share the first three
 */
function toBase64Inside(bytes: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const isWhole = (before + bytes.length) % 3 === 0;
  return text.slice(before === 0 ? 0 : before + 1, isWhole ? undefined : -1);
}
