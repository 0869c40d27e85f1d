/**
 * What may be a token or an assertion, whole or in part: whatever follows the name of such a value, a run
 * that starts as every JWT and each of its first two parts does (`{"` in base64url), and any long run of
 * base64 characters, such as a signature. Host names, GUIDs and URL paths are shorter between their
 * separators and stay.
 */
const SECRET_LIKE =
  /((?:access|refresh|id)_token|client_assertion|client_secret)(["\s]*[:=]["\s]*)[^\s"&,}]+|eyJ[\w.+/=-]*|[\w+=-]{64,}/gi;

/** The text without anything that could be a token, an assertion or a secret. */
export function redact(text: string): string {
  return text.replace(SECRET_LIKE, (_match, name?: string, separator?: string) =>
    name === undefined ? '[redacted]' : `${name}${separator}[redacted]`,
  );
}

/** Redacts before it cuts, so that no piece of a token escapes by being cut short. */
export function redactAndCut(text: string, maxLength: number): string {
  const safe = redact(text);
  return safe.length <= maxLength ? safe : `${safe.slice(0, maxLength - 1)}…`;
}
