import { type FlagScan, scanFlags } from './flags.ts';
import type { Fault, Option, OptionTable, Values } from './option-table.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The values of a table's options, as far as they are valid. */
export interface Resolution<T extends OptionTable> {
  /** Without the options that are named in `errors`. */
  readonly values: Partial<Values<T>>;
  /** The name of each option where its value came from: `--x`, a variable, or both for a default. */
  readonly names: Readonly<Record<keyof T, string>>;
  /** The options that a flag or a variable sets, valid or not. */
  readonly given: ReadonlySet<keyof T>;
  /** One for each invalid option: the name, the fault of the value, and the fix. */
  readonly errors: readonly string[];
  /** One for each retired option that is set. */
  readonly warnings: readonly string[];
}

/** A command line and an environment, parsed. */
export type ParsedOptions<T extends OptionTable> =
  | ({ readonly kind: 'options'; readonly rest: readonly string[] } & Resolution<T>)
  | Exclude<FlagScan, { kind: 'flags' }>;

/** Parses every option of the table from its flag, else its variable, else its default. */
export function parseOptions<T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: Environment,
): ParsedOptions<T> {
  const scan = scanFlags(table, argv);
  if (scan.kind !== 'flags') return scan;
  return { kind: 'options', rest: scan.rest, ...resolveOptions(table, scan.texts, env) };
}

/**
 * Finds and parses the value of each option of the table.
 * @param texts the result of `scanFlags`, which may have scanned a larger table.
 */
export function resolveOptions<T extends OptionTable>(
  table: T,
  texts: ReadonlyMap<string, string>,
  env: Environment,
): Resolution<T> {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  const given = new Set<string>();
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const [key, option] of Object.entries(table)) {
    const found = findText(option, texts.get(key), env);
    const name = found?.name ?? describeName(option);
    const text = found?.text ?? option.default;
    names[key] = name;
    if (option.retired !== undefined) {
      if (found !== undefined) warnings.push(describeRetired(name, option.retired));
      continue;
    }
    if (found !== undefined) given.add(key);
    if (text === undefined) {
      // Without a colon: upstream's proxy says `AZURE_TENANT_ID not set`, and its users search for that.
      if (option.required !== undefined) errors.push(`${name} not set; ${option.required}`);
      continue;
    }
    const parsed = option.type.parse(text);
    if (parsed.ok) values[key] = parsed.value;
    else errors.push(describeFault(name, text, parsed, option.secret === true));
  }
  // The loop fills in exactly the keys of the type, which TypeScript cannot check key by key.
  return { values, names, given, errors, warnings } as unknown as Resolution<T>;
}

/** Whether every option is valid, so that `values` is complete. */
export function isComplete<T extends OptionTable>(
  resolution: Resolution<T>,
): resolution is Resolution<T> & { readonly values: Values<T> } {
  return resolution.errors.length === 0;
}

function findText(
  { flag, env: variable, envAlias, restricts }: Option,
  flagText: string | undefined,
  env: Environment,
): { readonly name: string; readonly text: string } | undefined {
  if (flagText !== undefined) return { name: `--${flag}`, text: flagText };
  for (const name of [variable, envAlias]) {
    // A variable that was made from a file often ends in a newline.
    const text = name === undefined ? '' : (env[name] ?? '').trim();
    const isSet =
      text !== '' || (restricts === true && name !== undefined && env[name] !== undefined);
    if (name !== undefined && isSet) return { name, text };
  }
  return undefined;
}

/** The name of an option that is not set: `--x (X)`, or its only name. */
export function describeName({ flag, env }: Option): string {
  if (flag === undefined) return env ?? '';
  return env === undefined ? `--${flag}` : `--${flag} (${env})`;
}

function describeRetired(name: string, why: string): string {
  return `${name}: ignored: this setting was removed (${why}); delete it, the next release will not accept it`;
}

const longestShown = 80;

function describeFault(name: string, text: string, fault: Fault, secret: boolean): string {
  const shown = secret ? 'the value' : (fault.shown ?? JSON.stringify(text));
  const clipped = shown.length > longestShown ? `${shown.slice(0, longestShown)}…` : shown;
  return `${name}${fault.at ?? ''}: ${clipped} ${fault.fault}; ${fault.fix}`;
}
