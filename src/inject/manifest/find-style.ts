import { isScalar, isSeq, type Node, visit } from 'yaml';
import { isCollection, startOf } from './collection.ts';
import { lineStart } from './edits.ts';
import type { Style } from './emit.ts';

const usual: Style = { indent: 2, indentLists: true };

/** Takes the style of a document from the first map and the first list below a key. */
export function findStyle(text: string, root: Node | null): Style {
  let indent: number | undefined;
  let indentLists: boolean | undefined;
  const columnOf = (node: Node): number => startOf(node) - lineStart(text, startOf(node));
  visit(root, {
    Pair(_, { key, value }) {
      if (isScalar(key) && isCollection(value) && value.flow !== true) {
        const deeper = columnOf(value) - columnOf(key);
        if (isSeq(value)) indentLists ??= deeper > 0;
        else indent ??= deeper;
      }
      return indent !== undefined && indentLists !== undefined ? visit.BREAK : undefined;
    },
  });
  return { indent: indent ?? usual.indent, indentLists: indentLists ?? usual.indentLists };
}
