import { isMap, type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { containersOf, itemsOf } from '../../inject/pod/shape.ts';
import { createTextFilter, redactTokens, toPrintable } from '../../shared/untrusted-text.ts';

/** A message of the kubelet or of a container that ended is longer only if somebody dumped a log into it. */
const MAX_MESSAGE = 600;

/** Shorter values are words that any message has. */
const MIN_SECRET = 6;

const filter = createTextFilter([]);

/** One printable line, without anything that looks like a token. */
export function cleanText(text: string): string {
  return filter(text, MAX_MESSAGE);
}

/** Far more than any text of ours with names in it. */
const MAX_TEXT = 2_000;

/**
 * A text of ours that has names, paths and the like from the input in it: line by line what can be seen, and
 * nothing that looks like a token.
 */
export function cleanLines(text: string): string {
  const lines = redactTokens(text.slice(0, MAX_TEXT)).split('\n');
  return lines.map(toPrintable).join('\n');
}

/** A name from the input as it may be printed. Kubernetes allows no more than 253 characters. */
export function cleanName(name: string): string {
  return toPrintable(name).slice(0, 253);
}

/**
 * The same as `cleanText`, and without the value of any variable of the pod: a program that ends may have written
 * its settings into its last words.
 */
export function createTextCleaner(template: ValueMap): (text: string) => string {
  const values = new Set(containersOf(template).flatMap(({ value }) => secretsOf(value)));
  const longestFirst = [...values].sort((a, b) => b.length - a.length);
  return (text) => {
    let rest = text;
    for (const value of longestFirst) rest = rest.replaceAll(value, '[value of a variable]');
    return cleanText(rest);
  };
}

/** Names of Azure's, which every message may and should have. */
const harmless = /^(?:AZURE_(?!.*SECRET|.*PASSWORD)\w+|PROXY_\w+|METADATA_\w+|INIT_\w+)$/;

function secretsOf(container: ValueMap): readonly string[] {
  return itemsOf(container['env']).flatMap((item: Value) => {
    if (!isMap(item) || harmless.test(String(item['name']))) return [];
    const value = valueAt(item, ['value']);
    return typeof value === 'string' && value.length >= MIN_SECRET ? [value] : [];
  });
}
