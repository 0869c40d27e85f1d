import { type Collection, type Slot, startOf } from './collection.ts';
import { type Edit, indentation } from './edits.ts';
import { emitFlow, indentLines } from './emit.ts';
import type { Addition, Plan } from './plan.ts';
import type { Value } from './value.ts';

/**
 * By how much a level is indented where a list or map in flow style has each item on its own line;
 * undefined where they stand on one line.
 */
export type FlowStep = string | undefined;

/** How the items of the list or map are laid out; an empty one is laid out as the one that it is in. */
export function findFlowStep(
  text: string,
  collection: Collection,
  slots: readonly Slot[],
  outer: FlowStep,
): FlowStep {
  const [first] = slots;
  if (first === undefined) return outer;
  const start = startOf(collection);
  if (!text.slice(start, first.start).includes('\n')) return undefined;
  const outside = indentation(text, start);
  const inside = indentation(text, first.start);
  return inside.startsWith(outside) && inside !== outside ? inside.slice(outside.length) : '  ';
}

/** Adds and removes items of a list or map in flow style, of which at least one is kept. */
export function editFlow(
  text: string,
  slots: readonly Slot[],
  plan: Plan,
  step: FlowStep,
): readonly Edit[] {
  const first = slots[0]?.start ?? 0;
  const prefix = indentation(text, first);
  const gap = step === undefined ? ' ' : `\n${prefix}`;
  const toText = (additions: readonly Addition[]): string =>
    additions
      .map(({ key, value }) => indentLines(emitFlow(key, value, step), prefix))
      .join(`,${gap}`);

  const edits: Edit[] = [];
  for (const [place, additions] of plan.added) {
    const at = slots[place]?.end;
    if (at === undefined)
      edits.push({ start: first, end: first, text: `${toText(additions)},${gap}` });
    else edits.push({ start: at, end: at, text: `,${gap}${toText(additions)}` });
  }

  const isRemoved = (place: number): boolean => plan.fates[place]?.kind === 'remove';
  for (let place = 0; place < slots.length; place += 1) {
    if (!isRemoved(place)) continue;
    const from = place;
    while (isRemoved(place + 1)) place += 1;
    // A run at the beginning goes with the comma behind it, any other with the one before it.
    const start = from === 0 ? first : slots[from - 1]?.end;
    const end = from === 0 ? slots[place + 1]?.start : slots[place]?.end;
    if (start !== undefined && end !== undefined) edits.push({ start, end, text: '' });
  }
  return edits;
}

/** Writes a whole value anew. */
export function replaceFlow(
  text: string,
  node: { readonly start: number; readonly end: number },
  value: Value,
  step: FlowStep,
): Edit {
  const json = emitFlow(undefined, value, step);
  return { ...node, text: indentLines(json, indentation(text, node.start)) };
}
