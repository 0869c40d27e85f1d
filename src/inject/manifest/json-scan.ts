/**
 * Finds where parts of a JSON text stand without building its value, so that a list of 25 MB can be taken
 * item by item. Nothing is judged here: `JSON.parse` decides about each part.
 */

/** Offsets of a part of the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface JsonMember extends Span {
  readonly key: string;
}

const quote = 0x22;
const backslash = 0x5c;
const openers = new Set([0x7b, 0x5b]);
const closers = new Set([0x7d, 0x5d]);

/** Offset behind the object or array that begins at `start`; undefined if it does not end. */
export function endOfJsonValue(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (openers.has(code)) {
      depth += 1;
    } else if (closers.has(code)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** The members of the object that begins at `start`; undefined if it is not one. */
export function jsonMembers(text: string, start: number): readonly JsonMember[] | undefined {
  const members: JsonMember[] = [];
  for (const part of parts(text, start, '{', '}')) {
    if (part === undefined || text[part.start] !== '"') return undefined;
    const keyEnd = endOfString(text, part.start) ?? part.end;
    const colon = text.indexOf(':', keyEnd);
    if (colon === -1 || colon >= part.end || text.slice(keyEnd, colon).trim() !== '')
      return undefined;
    const span = trim(text, { start: colon + 1, end: part.end });
    members.push({ key: toKey(text.slice(part.start, keyEnd)), ...span });
  }
  return members;
}

/** The items of the array that begins at `start`; undefined if it is not one. */
export function jsonItems(text: string, start: number): readonly Span[] | undefined {
  const items: Span[] = [];
  for (const part of parts(text, start, '[', ']')) {
    if (part === undefined) return undefined;
    items.push(part);
  }
  return items;
}

/** What stands between brackets and commas; ends with undefined if the brackets are not closed. */
function* parts(
  text: string,
  start: number,
  open: string,
  close: string,
): Generator<Span | undefined> {
  if (text[start] !== open) {
    yield undefined;
    return;
  }
  let from = start + 1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote || openers.has(code)) {
      const end = code === quote ? endOfString(text, at) : endOfJsonValue(text, at);
      if (end === undefined) break;
      at = end - 1;
      continue;
    }
    const character = text[at];
    if (character !== ',' && character !== close) continue;
    const part = trim(text, { start: from, end: at });
    if (part.start < part.end) yield part;
    if (character === close) return;
    from = at + 1;
  }
  yield undefined;
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return undefined;
}

function trim(text: string, { start, end }: Span): Span {
  let [from, to] = [start, end];
  while (from < to && /\s/.test(text[from] ?? '')) from += 1;
  while (to > from && /\s/.test(text[to - 1] ?? '')) to -= 1;
  return { start: from, end: to };
}

function toKey(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return '';
  }
}
