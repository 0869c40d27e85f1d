import { findSimilar, formatSuggestion } from './did-you-mean.ts';

/** The part of a table of options that is needed to read a command line. */
export type FlagTable = Readonly<
  Record<
    string,
    {
      readonly flag?: string;
      readonly env?: string;
      readonly type: { readonly standsAlone?: true };
    }
  >
>;

/** A command line, before any value is parsed. */
export type FlagScan =
  | {
      readonly kind: 'flags';
      /** The text of each flag by the key of its option. The last of several wins. */
      readonly texts: ReadonlyMap<string, string>;
      /** The arguments after the flags. */
      readonly rest: readonly string[];
    }
  | { readonly kind: 'help' }
  /** The command line is malformed: print the message and the usage to stderr, exit with 2. */
  | { readonly kind: 'usage'; readonly error: string };

/**
 * Reads flags as Go's `flag` package does, because the manifests that call us were written for it. `-x` is
 * `--x`. A value follows after `=` or as the next argument; a boolean takes a value only after `=`. The first
 * argument that is not a flag ends the flags, and so does `--`.
 * @param options.unknown `skip` ignores a flag that is not in the table, and the argument after it unless that
 * is a flag: it may be the value.
 */
export function scanFlags(
  table: FlagTable,
  argv: readonly string[],
  { unknown = 'refuse' }: { readonly unknown?: 'refuse' | 'skip' } = {},
): FlagScan {
  const byFlag = new Map<string, string>();
  for (const [key, { flag }] of Object.entries(table)) {
    if (flag !== undefined) byFlag.set(flag, key);
  }

  const texts = new Map<string, string>();
  let next = 0;
  for (; next < argv.length; next += 1) {
    const argument = argv[next] ?? '';
    if (argument === '--') return { kind: 'flags', texts, rest: argv.slice(next + 1) };
    if (argument.length < 2 || !argument.startsWith('-')) break;

    const [, name, value] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) return usage(`${JSON.stringify(argument)} is not a flag`);
    const key = byFlag.get(name);
    if (key === undefined) {
      if (name === 'h' || name === 'help') return { kind: 'help' };
      if (unknown === 'refuse') return rejectFlag(table, name);
      if (value === undefined && argv[next + 1]?.startsWith('-') === false) next += 1;
      continue;
    }
    if (value !== undefined) {
      texts.set(key, value);
    } else if (table[key]?.type.standsAlone === true) {
      texts.set(key, 'true');
    } else {
      next += 1;
      const following = argv[next];
      if (following === undefined) return usage(`--${name} needs a value`);
      texts.set(key, following);
    }
  }
  return { kind: 'flags', texts, rest: argv.slice(next) };
}

function rejectFlag(table: FlagTable, name: string): FlagScan {
  const options = Object.values(table);
  const flags = options.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
  const similar = findSimilar(name, flags).map((flag) => `--${flag}`);
  const variables = options.flatMap(({ flag, env }) => (flag || !env ? [] : [env]));
  const [variable] = similar.length > 0 ? [] : findSimilar(name, variables);
  const fix = formatSuggestion(similar) ?? (variable && `set the variable ${variable}`);
  return usage(`unknown flag --${name}${fix === undefined ? '' : `; ${fix}`}`);
}

function usage(error: string): FlagScan {
  return { kind: 'usage', error };
}
