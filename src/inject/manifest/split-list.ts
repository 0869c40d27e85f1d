import { jsonItems, jsonMembers } from './json-scan.ts';
import { readValue } from './read-value.ts';
import { type Chunk, countLineBreaks } from './split-documents.ts';
import { isMap, type Path, type ValueMap } from './value.ts';

/** An item of a List as its own document: the smallest text that can be read and changed alone. */
export interface ListItem extends Chunk {
  /** Where the object is in the value of this text. */
  readonly base: Path;
}

/** A List in pieces. The strings stand around the items; all pieces joined are the document. */
export interface SplitList {
  /** The List without its items: apiVersion, kind and whatever else it has. */
  readonly frame: ValueMap;
  readonly pieces: readonly (string | ListItem)[];
}

/**
 * Takes a document apart if it is a List, so that its items are read one at a time and one that is at fault
 * leaves the others alone.
 * @returns undefined if it is not a List, or one that can only be read as a whole.
 */
export function splitList(chunk: Chunk): SplitList | undefined {
  const { text } = chunk;
  const isListLike = /List["']?\s*(?:[,}#\r\n]|$)/.test(text) && /\bitems\b/.test(text);
  if (!isListLike) return undefined;
  const found = /^\s*\{/.test(text) ? findJsonItems(text) : findYamlItems(text);
  if (found === undefined) return undefined;

  const frame = readValue(found.frame);
  if (!isMap(frame) || typeof frame['kind'] !== 'string' || !frame['kind'].endsWith('List')) {
    return undefined;
  }
  const pieces: (string | ListItem)[] = [];
  let done = 0;
  let line = chunk.line;
  for (const { start, end } of found.items) {
    const between = text.slice(done, start);
    const item = text.slice(start, end);
    line += countLineBreaks(between);
    pieces.push(between, { text: item, line, number: chunk.number, base: found.base });
    line += countLineBreaks(item);
    done = end;
  }
  pieces.push(text.slice(done));
  return { frame, pieces };
}

interface FoundItems {
  /** The text without the items. */
  readonly frame: string;
  readonly items: readonly { readonly start: number; readonly end: number }[];
  readonly base: Path;
}

function findJsonItems(text: string): FoundItems | undefined {
  const list = jsonMembers(text, text.indexOf('{'))?.filter(({ key }) => key === 'items');
  const [member] = list ?? [];
  if (member === undefined || list?.length !== 1) return undefined;
  const spans = jsonItems(text, member.start);
  if (spans === undefined || spans.some(({ start }) => text[start] !== '{')) return undefined;
  return {
    frame: `${text.slice(0, member.start)}[]${text.slice(member.end)}`,
    // With the white space before it on its line, which says how far it is indented.
    items: spans.map(({ start, end }) => {
      const lineStart = text.lastIndexOf('\n', start - 1) + 1;
      return { start: text.slice(lineStart, start).trim() === '' ? lineStart : start, end };
    }),
    base: [],
  };
}

/** Whether an alias may repeat a part of another item; block scalars that look so are rare. */
function hasAliases(text: string): boolean {
  const anchors = new Set<string>();
  for (const [, sign, name = ''] of text.matchAll(
    /(?:^[^\S\n]*|[:?-][^\S\n]+|[[{,]\s*)([&*])([\w-]+)/gm,
  )) {
    if (sign === '&') anchors.add(name);
    else if (anchors.has(name)) return true;
  }
  return false;
}

/** Only the form that serialisers write: `items:` at the margin and a dash before each item. */
function findYamlItems(text: string): FoundItems | undefined {
  if (hasAliases(text)) return undefined;
  const heads = [...text.matchAll(/^items:[^\S\n]*(?:#[^\n]*)?$/gm)];
  const [head] = heads;
  if (head === undefined || heads.length !== 1) return undefined;
  const from = head.index + head[0].length + 1;
  const indent = /^(?:[^\S\n]*(?:#[^\n]*)?\n)*( *)- /.exec(text.slice(from))?.[1];
  if (indent === undefined) return undefined;

  const starts: number[] = [];
  let end = text.length;
  const line = /^( *)([^\n]*)(?:\n|$)/gm;
  line.lastIndex = from;
  for (let found = line.exec(text); found !== null && found.index < text.length; ) {
    const [, space = '', rest = ''] = found;
    const isText = rest.trim() !== '' && !rest.startsWith('#');
    if (isText && space.length === indent.length && /^-(?:\s|$)/.test(rest)) {
      starts.push(found.index);
    } else if (isText && space.length <= indent.length) {
      end = found.index;
      break;
    }
    found = line.exec(text);
  }
  return {
    frame: `${text.slice(0, head.index)}items: []\n${text.slice(end)}`,
    items: starts.map((start, index) => ({ start, end: starts[index + 1] ?? end })),
    base: [0],
  };
}
