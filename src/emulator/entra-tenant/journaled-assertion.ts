import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { JournaledAssertion } from '../journal.ts';

/** What the journal keeps of an assertion; nothing of one that cannot be read. */
export function toJournaledAssertion(raw: string | null): JournaledAssertion | undefined {
  if (raw === null) return undefined;
  try {
    const { iss, sub, aud, iat, nbf, exp } = decodeJwt(raw);
    const { kid } = decodeProtectedHeader(raw);
    return { iss, sub, aud: aud === undefined ? undefined : [aud].flat(), iat, nbf, exp, kid };
  } catch {
    return {};
  }
}
