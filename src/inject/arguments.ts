import { scanFlags } from '../shared/flags.ts';
import type { OptionTable } from '../shared/option-table.ts';

/** A command line whose flags and files may come in any order, and some flags more than once. */
export interface Arguments {
  readonly files: readonly string[];
  /** All texts given for each flag, by the key of its option. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
}

export type ArgumentScan =
  | ({ readonly kind: 'arguments' } & Arguments)
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly error: string };

/** Reads one flag after the other as every program of ours does, and takes the rest for files. */
export function scanArguments(table: OptionTable, argv: readonly string[]): ArgumentScan {
  const files: string[] = [];
  const texts = new Map<string, readonly string[]>();
  for (let next = 0; next < argv.length; next += 1) {
    const argument = argv[next] ?? '';
    if (argument === '--') {
      files.push(...argv.slice(next + 1));
      break;
    }
    if (argument === '-' || !argument.startsWith('-')) {
      files.push(argument);
      continue;
    }
    let scan = scanFlags(table, [argument]);
    if (scan.kind === 'usage' && next + 1 < argv.length) {
      // Perhaps its value is the next argument.
      const longer = scanFlags(table, argv.slice(next, next + 2));
      if (longer.kind === 'flags') {
        scan = longer;
        next += 1;
      }
    }
    if (scan.kind !== 'flags') return scan;
    for (const [key, text] of scan.texts) texts.set(key, [...(texts.get(key) ?? []), text]);
  }
  return { kind: 'arguments', files, texts };
}

/** Of flags that were given more than once, the last one counts. */
export function lastOf(texts: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, string> {
  const last = new Map<string, string>();
  for (const [key, all] of texts) {
    const text = all.at(-1);
    if (text !== undefined) last.set(key, text);
  }
  return last;
}
