import { type ParseArgsConfig, parseArgs } from 'node:util';
import { findSimilar, formatSuggestion } from '../shared/did-you-mean.ts';
import type { Option, OptionTable } from '../shared/option-table.ts';
import { resolveOptions } from '../shared/options.ts';

/** All texts given for each flag, by the key of its option. */
export type Texts = ReadonlyMap<string, readonly string[]>;

/** A command line whose flags and files may come in any order, and some flags more than once. */
export type ArgumentScan =
  | { readonly kind: 'arguments'; readonly files: readonly string[]; readonly texts: Texts }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly error: string };

/** Flags have two dashes and are those of the table, besides `-f`, `-h` and `--help`. */
export function scanArguments(table: OptionTable, argv: readonly string[]): ArgumentScan {
  const keys = new Map(Object.entries(table).map(([key, { flag = '' }]) => [flag, key]));
  const { tokens } = parseArgs({
    args: [...argv],
    options: toParseOptions(table),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const files: string[] = [];
  const texts = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') files.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (name === 'h' || name === 'help') return { kind: 'help' };
    const key = keys.get(name);
    if (key === undefined)
      return { kind: 'usage', error: describeUnknown(rawName, [...keys.keys()]) };
    const text = value ?? (table[key]?.type.standsAlone === true ? 'true' : undefined);
    if (text === undefined) return { kind: 'usage', error: `--${name} needs a value` };
    texts.set(key, [...(texts.get(key) ?? []), text]);
  }
  return { kind: 'arguments', files, texts };
}

/** What some flags come to, or one message for each that is wrong. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly string[] };

/** The values of a flag that may be given more than once. */
export function parseEach<T>(
  option: Option<T>,
  texts: readonly string[] | undefined,
): { readonly values: readonly T[]; readonly errors: readonly string[] } {
  const values: T[] = [];
  const errors: string[] = [];
  for (const text of texts ?? []) {
    const resolution = resolveOptions({ option }, new Map([['option', text]]), {});
    errors.push(...resolution.errors);
    if (resolution.errors.length === 0) values.push(resolution.values.option as T);
  }
  return { values, errors };
}

/** Of flags that were given more than once, the last one counts. */
export function lastOf(texts: Texts): ReadonlyMap<string, string> {
  const last = new Map<string, string>();
  for (const [key, all] of texts) {
    const text = all.at(-1);
    if (text !== undefined) last.set(key, text);
  }
  return last;
}

/** A flag of one letter is written with one dash as well. */
function toParseOptions(table: OptionTable): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.values(table).map(({ flag = '', type: { standsAlone } }) => {
      const type = standsAlone === true ? ('boolean' as const) : ('string' as const);
      return [flag, flag.length === 1 ? { type, short: flag } : { type }];
    }),
  );
}

function describeUnknown(rawName: string, flags: readonly string[]): string {
  if (/^-[^-]/.test(rawName))
    return `unknown flag ${rawName}; flags of more than one letter have two dashes`;
  const similar = findSimilar(rawName, flags).map((flag) => `--${flag}`);
  const hint = formatSuggestion(similar);
  return `unknown flag ${rawName}${hint === undefined ? '' : `; ${hint}`}`;
}
