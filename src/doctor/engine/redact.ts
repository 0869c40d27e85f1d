import { redactTokens, toPrintable } from '../../shared/untrusted-text.ts';

/** Makes a text fit to be printed: one line, without secrets. */
export type Redact = (text: string) => string;

/** Shorter secrets would take words of ordinary texts with them. No real one is. */
const leastLength = 8;

/**
 * The last defence before the output. Every text of a finding is written to hold no secret; this removes one
 * that got there all the same: whatever looks like a token, and the given secrets.
 * @param secrets whole values, such as the password of an HTTP proxy
 */
export function createRedact(secrets: Iterable<string>): Redact {
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= leastLength)
    // A secret that is part of another one must not leave the rest of that one.
    .toSorted((a, b) => b.length - a.length);
  return (text) => {
    let clean = redactTokens(text);
    for (const secret of known) clean = clean.replaceAll(secret, '[redacted]');
    return toPrintable(clean);
  };
}
