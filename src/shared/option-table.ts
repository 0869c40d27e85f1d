/** The value of a text, or why it has none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Fault;

/** What is wrong with a value. `<key>: <value> <fault>; <fix>` must read as a sentence. */
export interface Fault {
  readonly ok: false;
  /** For example `is not a valid port`. */
  readonly fault: string;
  /** What to do about it, in the imperative. */
  readonly fix: string;
  /** The place inside the value, such as `, entry 2`. Follows the key. */
  readonly at?: string;
  /** Replaces the value in the message if the text is too long or must not be shown. */
  readonly shown?: string;
}

/** How the text of an option is parsed. */
export interface ValueType<T> {
  /** Stands for the value in help texts, for example `port`. */
  readonly label: string;
  readonly parse: (text: string) => Parsed<T>;
  /** How a value is shown in a log; default is as it is. */
  show?(value: T): string | number | boolean;
  /** The flag may be written without a value and then means `true`, as Go's boolean flags. */
  readonly standsAlone?: true;
}

/** One setting of a program: its names, its type and its purpose. */
export interface Option<T = unknown> {
  /** Name of the command line flag, without dashes. */
  readonly flag?: string;
  /** Name of the environment variable. An empty value counts as unset; white space around it is ignored. */
  readonly env?: string;
  /** A second name of the variable, read if the first is unset. */
  readonly envAlias?: string;
  readonly type: ValueType<T>;
  /** The text that is parsed if the option is not set. */
  readonly default?: string;
  /** The option must be set. The text says how to get a value. */
  readonly required?: string;
  /** The value never appears in a message or in a log. */
  readonly secret?: true;
  /** The option restricts, and unset means no restriction: an empty variable is an error, not unset. */
  readonly restricts?: true;
  /**
   * The option was removed, for this reason. It is accepted for one more release and ignored, with a warning.
   * Help and documentation do not list it.
   */
  readonly retired?: string;
  /** The heading under which help and documentation list it. */
  readonly group: string;
  /** One or more sentences for help and documentation. */
  readonly help: string;
}

/** All settings of a program, in the order of its help. */
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O> = O extends { readonly type: ValueType<infer T> }
  ? O extends { readonly default: string } | { readonly required: string }
    ? T
    : T | undefined
  : never;

/** The values of a table. An option without a default that is not required may be undefined. */
export type Values<T extends OptionTable> = { readonly [Key in keyof T]: ValueOf<T[Key]> };

export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function refuse(
  fault: string,
  fix: string,
  where: { readonly at?: string; readonly shown?: string } = {},
): Fault {
  return { ok: false, fault, fix, ...where };
}
