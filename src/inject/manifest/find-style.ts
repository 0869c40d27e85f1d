import { isMap, isScalar, isSeq, type Node, visit } from 'yaml';
import { isCollection, startOf } from './collection.ts';
import { lineStart } from './edits.ts';
import type { Style } from './emit.ts';

const usual = 2;

/** Takes the style of a document from the first map and the first list below a key. */
export function findStyle(text: string, root: Node | null): Style {
  let indent: number | undefined;
  let listIndent: number | undefined;
  const columnOf = (node: Node): number => startOf(node) - lineStart(text, startOf(node));
  visit(root, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !isCollection(value) || value.flow === true) return undefined;
      const deeper = columnOf(value) - columnOf(key);
      if (isMap(value)) indent ??= deeper;
      if (isSeq(value)) listIndent ??= deeper;
      return indent === undefined || listIndent === undefined ? undefined : visit.BREAK;
    },
  });
  return { indent: indent ?? usual, listIndent: listIndent ?? usual };
}
