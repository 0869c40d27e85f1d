import { isGuid } from '../shared/guid.ts';

/** An invalid input from outside. The message names the field, the fault and the fix. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; a field that nobody knows is an error, since it is likely a typo. */
export function parseFields(value: unknown, what: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${what} must be a JSON object with ${known.join(', ')}`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new InputError(`${what} has no field "${unknown}"; known are ${known.join(', ')}`);
  }
  return value as Fields;
}

/** Applies `parse` to a field unless it is absent. */
export function optional<T>(
  fields: Fields,
  name: string,
  parse: (value: unknown, name: string) => T,
): T | undefined {
  const value = fields[name];
  return value === undefined ? undefined : parse(value, name);
}

export function parseText(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InputError(`${name} must be a string that is not empty, not ${show(value)}`);
}

export function parseGuid(value: unknown, name: string): string {
  if (typeof value === 'string' && isGuid(value)) return value.toLowerCase();
  throw new InputError(
    `${name} must be a GUID such as 00000000-0000-0000-0000-000000000000, not ${show(value)}`,
  );
}

export function parseBoolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new InputError(`${name} must be true or false, not ${show(value)}`);
}

/** A parser of whole numbers within bounds. */
export function integerWithin(min: number, max: number): (value: unknown, name: string) => number {
  return (value, name) => {
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) {
      return Number(value);
    }
    throw new InputError(
      `${name} must be a whole number from ${min} to ${max}, not ${show(value)}`,
    );
  };
}

/** A parser of one of a few words. */
export function oneOf<T extends string>(
  choices: readonly T[],
): (value: unknown, name: string) => T {
  return (value, name) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new InputError(`${name} must be one of ${choices.join(', ')}, not ${show(value)}`);
  };
}

/** A parser of lists whose items `parse` reads. */
export function listOf<T>(
  parse: (value: unknown, name: string) => T,
): (value: unknown, name: string) => readonly T[] {
  return (value, name) => {
    if (Array.isArray(value)) return value.map((item, index) => parse(item, `${name}[${index}]`));
    throw new InputError(`${name} must be a list, not ${show(value)}`);
  };
}

/** A value in a message: short, on one line, quoted if it is a string, `nothing` if it is missing. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
