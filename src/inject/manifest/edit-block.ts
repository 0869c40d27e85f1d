import type { Slot } from './collection.ts';
import { type Edit, isFirstOnLine, lineEnd, lineStart } from './edits.ts';
import { emitBlock, indentLines, type Style } from './emit.ts';
import type { Addition, Plan } from './plan.ts';

/**
 * Adds and removes whole lines of a block list or map. An addition follows directly after the item that it
 * stands behind, before any comment, so that removing it again restores the text.
 * @param slots at least one of them is kept, unless each stands on its own lines.
 */
export function editBlock(
  text: string,
  slots: readonly Slot[],
  plan: Plan,
  style: Style,
): readonly Edit[] {
  const start = slots[0]?.start ?? 0;
  const prefix = ' '.repeat(start - lineStart(text, start));
  const isCompact = !isFirstOnLine(text, start);
  const toText = (additions: readonly Addition[]): string =>
    additions
      .map(({ key, value }) => indentLines(emitBlock(key, value, style), prefix))
      .join(`\n${prefix}`);

  const edits: Edit[] = [];
  for (const [place, additions] of plan.added) {
    const slot = slots[place];
    if (slot !== undefined) {
      edits.push(insertion(endOfLines(text, slot), `\n${prefix}${toText(additions)}`));
    } else if (isCompact) {
      edits.push(insertion(start, `${toText(additions)}\n${prefix}`));
    } else {
      const at = endOfHead(text, start);
      if (at === undefined) edits.push(insertion(0, `${prefix}${toText(additions)}\n`));
      else edits.push(insertion(at, `\n${prefix}${toText(additions)}`));
    }
  }

  const firstKept = plan.fates.findIndex(({ kind }) => kind !== 'remove');
  for (const [place, slot] of slots.entries()) {
    if (plan.fates[place]?.kind !== 'remove') continue;
    if (!isCompact || place > firstKept) edits.push(removalOfLines(text, slot));
    // The dash before the first key of an item stays, and the next key moves up to it.
    else if (place === 0)
      edits.push(removal(start, startOfNext(text, slots[firstKept - 1] ?? slot)));
  }
  return edits;
}

/** Takes away the lines of every item and leaves the comments between them. */
export function removeAllLines(text: string, slots: readonly Slot[]): readonly Edit[] {
  return slots.map((slot) => removalOfLines(text, slot));
}

/** Offset of the end of the last line of an item, where more lines may follow. */
export function endOfLines(text: string, { end }: Slot): number {
  return lineEnd(text, end > 0 && text[end - 1] === '\n' ? end - 1 : end);
}

/** End of the last line before the first item and the comments that lead to it; undefined at the top. */
function endOfHead(text: string, start: number): number | undefined {
  for (let at = lineStart(text, start); at > 0; ) {
    const previous = lineStart(text, at - 1);
    if (!/^\s*(?:#|$)/.test(text.slice(previous, at - 1))) return lineEnd(text, at - 1);
    at = previous;
  }
  return undefined;
}

/** Offset behind the lines of an item, where a comment or another item begins. */
function startOfNext(text: string, slot: Slot): number {
  const end = endOfLines(text, slot);
  return end + text.slice(end).search(/\S|$/);
}

function removalOfLines(text: string, slot: Slot): Edit {
  const start = lineStart(text, slot.start);
  const end = endOfLines(text, slot);
  if (start > 0) return removal(lineEnd(text, start - 1), end);
  return removal(0, text.indexOf('\n', end) + 1 || end);
}

function insertion(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

function removal(start: number, end: number): Edit {
  return { start, end, text: '' };
}
