import { isMap, isNode, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { keyOf } from './parse-document.ts';

/** A list or map that is written out, not repeated by an alias. */
export type Collection = YAMLMap | YAMLSeq;

/** An item of a list or a pair of a map, and where it stands in the text. */
export interface Slot {
  /** undefined in a list, and for `<<`. */
  readonly key: string | undefined;
  readonly value: Node | null;
  /** Offset of the first character: of the dash, the key, or what marks it. */
  readonly start: number;
  /** Offset behind the last character, comments left out. A block scalar ends with its line break. */
  readonly end: number;
  /** Offset behind the colon of a pair. */
  readonly afterColon: number | undefined;
}

export function isCollection(node: unknown): node is Collection {
  return isMap(node) || isSeq(node);
}

/** Offset of the first character: of the first key or dash, or of the bracket in flow style. */
export function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

export function toSlots(collection: Collection): readonly Slot[] {
  if (isMap(collection)) return collection.items.map(toPairSlot);
  const { srcToken } = collection;
  const tokens = srcToken !== undefined && 'items' in srcToken ? srcToken.items : [];
  return collection.items.map((item, index) => {
    const value = isNode(item) ? item : null;
    const dash = tokens[index]?.start.find(({ type }) => type === 'seq-item-ind');
    const start = dash?.offset ?? startOfPropertiesOf(tokens[index]?.start) ?? offsetOf(value);
    return { key: undefined, value, start, end: endOf(value) ?? start + 1, afterColon: undefined };
  });
}

function toPairSlot(pair: Pair): Slot {
  const { srcToken } = pair;
  const key = isNode(pair.key) ? pair.key : null;
  const value = isNode(pair.value) ? pair.value : null;
  const colon = srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
  const afterColon = colon === undefined ? undefined : colon.offset + 1;
  const start = startOfPropertiesOf(srcToken?.start) ?? offsetOf(key);
  // The parser gives a value that is not written a place behind the space before a comment.
  const isWritten = value !== null && value.range?.[0] !== value.range?.[1];
  const end = (isWritten ? endOf(value) : afterColon) ?? afterColon ?? endOf(key) ?? start;
  return { key: keyOf(pair), value, start, end, afterColon };
}

/** Where an anchor, a tag or a question mark comes before the item itself. */
function startOfPropertiesOf(
  tokens: readonly { readonly type: string; readonly offset: number }[] | undefined,
): number | undefined {
  const blank = ['space', 'newline', 'comment', 'comma', 'flow-map-start', 'flow-seq-start'];
  return tokens?.find(({ type }) => !blank.includes(type))?.offset;
}

function offsetOf(node: Node | null): number {
  return node === null ? 0 : startOf(node);
}

/** Unlike the parser's own range, that of a block ends before the comments that follow it. */
function endOf(node: Node | null): number | undefined {
  if (node === null) return undefined;
  if (isCollection(node) && node.flow !== true) return toSlots(node).at(-1)?.end;
  return node.range?.[1];
}
