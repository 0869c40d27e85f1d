/** A text that was turned into a value, or why it could not be. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Fault;

/** What is wrong with a value, worded so that `<key>: <value> <fault>; <fix>` reads as a sentence. */
export interface Fault {
  readonly ok: false;
  /** Such as `is not a port between 1 and 65535`. */
  readonly fault: string;
  /** What to do about it, in the imperative. */
  readonly fix: string;
  /** Where inside the value, such as `, entry 2`; follows the key. */
  readonly at?: string;
  /** Stands for the value in the message where the text itself is too long or must not be shown. */
  readonly shown?: string;
}

/** How the text of an option is understood. */
export interface ValueType<T> {
  /** Stands for the value in help texts, such as `port`. */
  readonly label: string;
  readonly parse: (text: string) => Parsed<T>;
  /** How a value is shown in a log; default is as it is. */
  show?(value: T): string | number | boolean;
  /** As a flag it may stand alone and then means `true`, as Go's boolean flags do. */
  readonly standsAlone?: true;
}

/** One setting of a program: what it is called, what it takes and what it is for. */
export interface Option<T = unknown> {
  /** Name of the command line flag, without dashes. */
  readonly flag?: string;
  /** Name of the environment variable. Empty counts as unset; white space around the value is ignored. */
  readonly env?: string;
  /** A second name of the variable, read when the first is unset. */
  readonly envAlias?: string;
  readonly type: ValueType<T>;
  /** The text that is parsed when nobody sets the option. */
  readonly default?: string;
  /** There is no default and the program cannot do without: how to come by a value. */
  readonly required?: string;
  /** The value never appears in a message or log. */
  readonly secret?: true;
  /** An empty variable is an error instead of unset: the option forbids, and unset would allow everything. */
  readonly restricts?: true;
  /**
   * The option was removed: it is accepted for one more release and ignored, with a warning that gives this
   * reason, such as `exchanges run in the proxy itself`. Help and documentation leave it out.
   */
  readonly retired?: string;
  /** Heading under which help and documentation list it. */
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

/** The values of a table; an option that is neither required nor has a default may be undefined. */
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
