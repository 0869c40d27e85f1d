import { redactTokens } from '../../shared/untrusted-text.ts';

/** More than any answer of Entra's; an intercepting proxy's page may be longer. */
const maxLength = 4_096;

/**
 * Characters that a terminal or a log viewer acts on instead of showing them: controls (U+009B starts an
 * escape sequence), marks that turn the direction of writing (U+202E) or have no width.
 */
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Shows control characters by their number, such as `\\u009b`. */
export function hideControls(text: string): string {
  return text.replace(
    controls,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Makes a text that came from elsewhere fit for a client. Two phrases are instructions to SDKs and must
 * not get there by accident: "unreachable" is what Docker Desktop answers, from which the SDKs of Python,
 * Go and .NET conclude that there is no IMDS, and on "Identity not found" .NET skips the credential.
 */
export function toClientText(text: string): string {
  return redactTokens(text)
    .slice(0, maxLength)
    .replace(controls, (character) => (/[\t\n\r]/.test(character) ? character : '?'))
    .replace(/unreachable/gi, 'not reachable')
    .replace(/identity not found/gi, 'identity was not found');
}
