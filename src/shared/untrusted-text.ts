/**
 * What may be a token or an assertion, whole or in part: whatever follows the name of such a value, and a run
 * that starts as every JWT and each of its first two parts does (`{"` in base64url).
 */
const TOKEN =
  /((?:access|refresh|id)_token|client_assertion|client_secret)(["\s]*[:=]["\s]*)[^\s"&,}]+|eyJ[\w.%+/=-]*/gi;

/**
 * A long run of base64 characters, such as a signature. Host names, GUIDs and URL paths are shorter between
 * their separators.
 */
const LONG_RUN = /[\w+=-]{64,}/g;

const REDACTED = '[redacted]';

/** The text without anything that is named as a token or looks like a JWT or a part of one. */
export function redactTokens(text: string): string {
  return text.replace(TOKEN, (_match, name?: string, separator?: string) =>
    name === undefined ? REDACTED : `${name}${separator}${REDACTED}`,
  );
}

/** White space of any kind, line separators and the C1 control for "next line" included. */
const SPACE = /[\s\u0085\u2028\u2029]+/gu;

/**
 * What a terminal or a log viewer would act on or not show: control characters (C0, C1), bidirectional
 * overrides, zero-width and other invisible ones, halves of surrogate pairs, private and unassigned ones.
 */
const UNPRINTABLE = '[\\p{C}\\p{Default_Ignorable_Code_Point}]';

/** Not a literal, whose properties V8 would look up in every start of the proxy, only to check its syntax. */
let unprintable: RegExp | undefined;

/**
 * Whether all characters are printable ASCII, the space included. For a look before a pattern with Unicode
 * properties, which takes V8 a millisecond to compile.
 */
export function isPrintableAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** Whether there is a control character (C0, C1) in the text. */
export function hasControlCharacter(text: string): boolean {
  return !isPrintableAscii(text) && /\p{Cc}/u.test(text);
}

/** One line of characters that can be seen: `?` stands for each one that cannot. */
export function toPrintable(text: string): string {
  if (isPrintableAscii(text) && !text.includes('  ')) return text;
  unprintable ??= new RegExp(UNPRINTABLE, 'gu');
  return text.replace(SPACE, ' ').replace(unprintable, '?');
}

/** Cleans a text from a peer: see `createTextFilter`. */
export type TextFilter = (text: string, maxLength: number) => string;

/** No more of a text is ever looked at. Entra's have up to about a thousand characters. */
export const MAX_TEXT = 8_192;

/** Stands for a text that repeats parts of a secret. */
export const WITHHELD = '[text withheld: it repeats parts of a token]';

/**
 * A filter for texts that come from a peer which was shown secrets: Entra, a token proxy, whatever stands in
 * their place, a library. The result is one printable line of at most `maxLength` characters without
 * anything that looks like a token, and without any part of the secrets, however they are cut up: with
 * separators or line feeds between the pieces, percent-encoded, escaped, in base64 or hexadecimal. A text
 * with such a part is withheld as a whole. Not found are pieces of less than 4 characters.
 * @param secrets the values that the peer was shown or has sent: tokens, assertions.
 */
export function createTextFilter(secrets: readonly string[]): TextFilter {
  return (text, maxLength) => {
    const redacted = redactTokens(text.slice(0, MAX_TEXT)).replace(LONG_RUN, REDACTED);
    if (secrets.some((secret) => repeats(redacted, secret))) return WITHHELD.slice(0, maxLength);
    const printable = toPrintable(redacted).trim();
    // Cut after all else, so that no piece of a token escapes by being cut short.
    if (printable.length <= maxLength) return printable;
    return `${printable.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '')}…`;
  };
}

/** A piece of a secret of this many letters and digits, in whatever case, is never there by chance. */
const LONG_PIECE = 10;

/** Pieces of this length are, so that they count only together. */
const SHORT_PIECE = 4;

/** Letters and digits in short pieces of a secret. Chance alone makes a few. */
const MAX_IN_SHORT_PIECES = 48;

function repeats(text: string, secret: string): boolean {
  const spellings = [
    secret,
    Buffer.from(secret).toString('hex'),
    // Wherever in another text it begins, one of these three has its characters.
    ...['', ' ', '  '].map((before) => Buffer.from(`${before}${secret}`).toString('base64')),
  ].map((spelling) => toCharacters(spelling).toLowerCase());
  const once = decode(text);
  return [...new Set([text, once, decode(once)])].some(
    (shown) =>
      sharesLongPiece(toCharacters(shown).toLowerCase(), spellings) ||
      countInShortPieces(shown, toCharacters(secret)) > MAX_IN_SHORT_PIECES,
  );
}

function toCharacters(text: string): string {
  return text.replace(/[^a-z\d]/gi, '');
}

function sharesLongPiece(text: string, spellings: readonly string[]): boolean {
  const pieces = new Set(toPieces(text, LONG_PIECE));
  return spellings.some((spelling) => {
    for (const piece of toPieces(spelling, LONG_PIECE)) if (pieces.has(piece)) return true;
    return false;
  });
}

/** How many characters of the text's words stand in pieces of the secret that do not overlap. */
function countInShortPieces(text: string, secret: string): number {
  const words = text.match(/[a-z\d]{4,}/gi) ?? [];
  const wanted = new Set(words.flatMap((word) => [...toPieces(word, SHORT_PIECE)]));
  const found = new Set<string>();
  for (const piece of toPieces(secret, SHORT_PIECE)) if (wanted.has(piece)) found.add(piece);
  let count = 0;
  for (const word of words) {
    for (let at = 0; at + SHORT_PIECE <= word.length; ) {
      const isPiece = found.has(word.slice(at, at + SHORT_PIECE));
      if (isPiece) count += SHORT_PIECE;
      at += isPiece ? SHORT_PIECE : 1;
    }
  }
  return count;
}

function* toPieces(characters: string, length: number): Generator<string> {
  for (let at = 0; at + length <= characters.length; at += 1) {
    yield characters.slice(at, at + length);
  }
}

/** Takes back percent-encoding and the escapes of JSON, JavaScript and HTML. */
function decode(text: string): string {
  return text
    .replace(/(?:%|\\x)([\da-f]{2})/gi, toCharacter)
    .replace(/\\u([\da-f]{4})/gi, toCharacter)
    .replace(/&#x([\da-f]{1,6});?/gi, toCharacter)
    .replace(/&#(\d{1,7});?/g, (_match, digits: string) => toCharacter('', Number(digits)));
}

function toCharacter(_match: string, code: string | number): string {
  const point = typeof code === 'number' ? code : Number.parseInt(code, 16);
  return point <= 0x10_ff_ff ? String.fromCodePoint(point) : '';
}
