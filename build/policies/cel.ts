import { isList, isMap, type Value, type ValueMap } from '../../src/inject/manifest/value.ts';

const placeholder = /\$\[((?:[^[\]]|\[[^\]]*\])*)\]/g;

/**
 * Writes a value as an expression of CEL. `$[…]` in a string stands for the value of an expression, as
 * `Expression` of src/inject/pod/containers.ts says.
 * @param type path of the API's type, such as `Object.spec.initContainers`; a map is then an object of that type,
 *   whose fields the API server checks. Without it, a map is a map.
 */
export function toCel(value: Value, type?: string): string {
  if (typeof value === 'string') return toText(value);
  if (isList(value)) {
    return wrap(
      '[',
      value.map((item) => toCel(item, type)),
      ']',
    );
  }
  return isMap(value) ? toObject(value, type) : String(value);
}

function toObject(value: ValueMap, type: string | undefined): string {
  const entries = Object.entries(value).map(([key, part]) =>
    type === undefined
      ? `${JSON.stringify(key)}: ${toCel(part)}`
      : `${key}: ${toCel(part, `${type}.${key}`)}`,
  );
  return wrap(`${type ?? ''}{`, entries, '}');
}

/** A string that is one placeholder is that expression, of whatever type; all others are texts. */
function toText(text: string): string {
  const parts: string[] = [];
  let end = 0;
  for (const match of text.matchAll(placeholder)) {
    const [whole, expression = ''] = match;
    if (whole === text) return expression;
    if (match.index > end) parts.push(JSON.stringify(text.slice(end, match.index)));
    parts.push(`string(${expression})`);
    end = match.index + whole.length;
  }
  if (end < text.length || parts.length === 0) parts.push(JSON.stringify(text.slice(end)));
  return parts.join(' + ');
}

const widest = 100;

/** A list or an object: on one line where that is short enough, else one item to a line. */
export function wrap(open: string, items: readonly string[], close: string): string {
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length <= widest && !line.includes('\n')) return line;
  return `${open}\n${indent(items.join(',\n'))}\n${close}`;
}

/** The text with two spaces before each line. */
export function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
