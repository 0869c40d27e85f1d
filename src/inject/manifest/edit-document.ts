import { type Alias, isAlias, isMap as isYamlMap, type Node, visit } from 'yaml';
import { type Collection, isCollection, type Slot, startOf, toSlots } from './collection.ts';
import { editBlock, removeAllLines } from './edit-block.ts';
import { editFlow, type FlowStep, findFlowStep, replaceFlow } from './edit-flow.ts';
import { applyEdits, type Edit, lineEnd, lineStart } from './edits.ts';
import { emitAfterColon, emitBlock, emitFlow, indentLines, type Style } from './emit.ts';
import { findStyle } from './find-style.ts';
import { ManifestError } from './manifest-error.ts';
import { type ParsedDocument, type Position, parseDocument } from './parse-document.ts';
import { type Plan, planList, planMap } from './plan.ts';
import { readValue } from './read-value.ts';
import { isEqual, isList, isMap, type Value } from './value.ts';

interface Context {
  readonly text: string;
  readonly style: Style;
  /** Names of the anchors that some alias repeats. */
  readonly repeated: ReadonlySet<string>;
  readonly edits: Edit[];
  readonly positionAt: (offset: number) => Position;
}

/**
 * The text of the document, changed so that it means the wanted value. Only lines that must change do:
 * comments, order, quoting, indentation and line ends of all others stay as they are. The document's order
 * of keys stays as well; a new key goes behind the one that it follows in the wanted value.
 * @throws ManifestError if that cannot be done without changing something else.
 */
export function editDocument(document: ParsedDocument, wanted: Value): string {
  const { text, root, value, positionAt } = document;
  if (isEqual(value, wanted)) return text;

  const context: Context = {
    text,
    style: findStyle(text, root),
    repeated: text.includes('*') ? findRepeated(root) : new Set(),
    edits: [],
    positionAt,
  };
  if (!isCollection(root) || !isSameKind(root, wanted)) throw layoutError(context, 0);
  editInside(context, root, value, wanted, undefined);

  const edited = applyEdits(text, context.edits);
  if (edited === undefined || !means(edited, wanted)) throw layoutError(context, startOf(root));
  return edited;
}

function editInside(
  context: Context,
  collection: Collection,
  present: Value,
  wanted: Value,
  outerStep: FlowStep,
): void {
  const { text, style, edits } = context;
  if (collection.anchor !== undefined && context.repeated.has(collection.anchor)) {
    const message = `&${collection.anchor} stands for this part elsewhere too, where it must not change; write it out there`;
    throw new ManifestError(message, context.positionAt(startOf(collection)));
  }
  const slots = toSlots(collection);
  const plan = toPlan(slots, present, wanted);

  if (collection.flow !== true) {
    forEachChange(slots, plan, (slot, from, to) => changeInBlock(context, slot, from, to));
    edits.push(...editBlock(text, slots, plan, style));
    return;
  }
  const step = findFlowStep(text, collection, slots, outerStep);
  if (plan.fates.every(({ kind }) => kind === 'remove')) {
    edits.push(replaceFlow(text, rangeOf(collection), wanted, step));
    return;
  }
  forEachChange(slots, plan, (slot, from, to) => changeInFlow(context, slot, from, to, step));
  edits.push(...editFlow(text, slots, plan, step));
}

function toPlan(slots: readonly Slot[], present: Value, wanted: Value): Plan {
  if (isList(present) && isList(wanted)) return planList(present, wanted);
  if (!isMap(present) || !isMap(wanted)) throw new TypeError('neither two lists nor two maps');
  return planMap(
    slots.map(({ key }) => key),
    present,
    wanted,
  );
}

function forEachChange(
  slots: readonly Slot[],
  { fates }: Plan,
  change: (slot: Slot, from: Value, to: Value) => void,
): void {
  for (const [place, slot] of slots.entries()) {
    const fate = fates[place];
    if (fate?.kind === 'change') change(slot, fate.from, fate.to);
  }
}

function changeInBlock(context: Context, slot: Slot, from: Value, to: Value): void {
  const { value } = slot;
  if (isAlias(value)) {
    const { style } = context;
    const merged = toMerge(value.source, from, to);
    const indent = ' '.repeat(style.indent);
    const text = merged
      ? `\n${indent}${merged.head}${merged.rest.map(([key, part]) => indentLines(`\n${emitBlock(key, part, style)}`, indent)).join('')}`
      : emitAfterColon(to, style);
    replaceAfterColon(context, slot, text);
    return;
  }
  if (isCollection(value) && isSameKind(value, to)) {
    // Empty brackets set no style, and a block cannot be empty.
    const isEmptied = isList(to) ? to.length === 0 : isMap(to) && Object.keys(to).length === 0;
    if (value.flow === true ? value.items.length > 0 : !isEmptied) {
      editInside(context, value, from, to, undefined);
      return;
    }
  }
  replaceAfterColon(context, slot, emitAfterColon(to, context.style));
}

/** @param behind the text that will stand behind the colon, at column 0 if it has several lines. */
function replaceAfterColon(context: Context, slot: Slot, behind: string): void {
  const { text, edits } = context;
  const { value, start, afterColon } = slot;
  if (afterColon === undefined) {
    if (isAlias(value)) throw aliasError(context, value);
    throw layoutError(context, start);
  }
  const prefix = ' '.repeat(start - lineStart(text, start));
  const emitted = indentLines(behind, prefix);

  let end = text[slot.end - 1] === '\n' ? lineEnd(text, slot.end - 1) : slot.end;
  if (isCollection(value) && value.flow !== true) {
    edits.push(...removeAllLines(text, toSlots(value)));
    end = afterColon;
  }
  if (emitted.startsWith('\n')) {
    // A comment behind the key stays behind it.
    const below = lineEnd(text, end);
    edits.push({ start: afterColon, end, text: '' }, { start: below, end: below, text: emitted });
  } else {
    edits.push({ start: afterColon, end, text: emitted });
  }
}

function changeInFlow(context: Context, slot: Slot, from: Value, to: Value, step: FlowStep): void {
  const { value } = slot;
  if (value === null) throw layoutError(context, slot.start);
  if (isAlias(value)) {
    const merged = toMerge(value.source, from, to);
    const parts = merged?.rest.map(([key, part]) => emitFlow(key, part, undefined)) ?? [];
    const text = merged
      ? `{ ${[merged.head, ...parts].join(', ')} }`
      : emitFlow(undefined, to, undefined);
    context.edits.push({ ...rangeOf(value), text });
    return;
  }
  if (isCollection(value) && isSameKind(value, to)) editInside(context, value, from, to, step);
  else context.edits.push(replaceFlow(context.text, rangeOf(value), to, step));
}

function isSameKind(collection: Collection, wanted: Value): boolean {
  return isYamlMap(collection) ? isMap(wanted) : isList(wanted);
}

function rangeOf(node: Node): { readonly start: number; readonly end: number } {
  return { start: startOf(node), end: node.range?.[1] ?? startOf(node) };
}

/**
 * A map that an alias repeats, changed here alone: it is merged in, and what differs follows.
 * @returns undefined if that cannot say it, because a key goes or the part is not a map.
 */
function toMerge(
  anchor: string,
  from: Value,
  to: Value,
): { readonly head: string; readonly rest: readonly (readonly [string, Value])[] } | undefined {
  if (!isMap(from) || !isMap(to)) return undefined;
  if (Object.keys(from).some((key) => !Object.hasOwn(to, key))) return undefined;
  const rest = Object.entries(to).filter(([key, part]) => !isEqual(from[key], part));
  return { head: `<<: *${anchor}`, rest };
}

function aliasError({ positionAt }: Context, alias: Alias): ManifestError {
  const message = `*${alias.source} stands for a part of the document that is elsewhere, and must change here alone; write it out here`;
  return new ManifestError(message, positionAt(startOf(alias)));
}

function layoutError({ positionAt }: Context, offset: number): ManifestError {
  const message =
    'this document is laid out in a way that cannot be edited in place; reformat it, for example with yq, and try again';
  return new ManifestError(message, positionAt(offset));
}

function findRepeated(root: Node | null): ReadonlySet<string> {
  const names = new Set<string>();
  visit(root, {
    Alias(_, { source }) {
      names.add(source);
    },
  });
  return names;
}

/** Whether a text has the wanted value, by either parser; they differ in rare forms only. */
function means(text: string, wanted: Value): boolean {
  if (isEqual(readValue(text), wanted)) return true;
  try {
    return isEqual(parseDocument({ text, line: 1, number: 1 }).value, wanted);
  } catch {
    return false;
  }
}
