import { accept, type Parsed, refuse, type ValueType } from './option-table.ts';

const truths = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falsehoods = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** The words that Go's `strconv.ParseBool` accepts. */
export const booleanValue: ValueType<boolean> = {
  label: 'true|false',
  standsAlone: true,
  parse(text) {
    if (truths.has(text)) return accept(true);
    if (falsehoods.has(text)) return accept(false);
    return refuse('is not true or false', 'write true or false');
  },
};

/** Any text that is not empty. */
export const textValue: ValueType<string> = {
  label: 'text',
  parse: (text) =>
    text === '' ? refuse('is empty', 'set a value or remove the setting') : accept(text),
};

/** One of a fixed set of words. */
export function choiceValue<const T extends string>(choices: readonly T[]): ValueType<T> {
  return {
    label: choices.join('|'),
    parse(text) {
      const choice = choices.find((candidate) => candidate === text);
      if (choice !== undefined) return accept(choice);
      return refuse('is not a valid choice', `set one of ${choices.join(', ')}`);
    },
  };
}

/** A TCP port. 0 is refused unless `zero` gives its meaning, such as `turns it off`. */
export function portValue(options: { readonly zero?: string } = {}): ValueType<number> {
  const { zero } = options;
  const least = zero === undefined ? 1 : 0;
  const range = `a port number from 1 to 65535${zero === undefined ? '' : `, or 0, which ${zero}`}`;
  return {
    label: 'port',
    parse(text) {
      if (text.startsWith('tcp://')) {
        return refuse(
          'is not a port but a variable that Kubernetes creates for a Service of that name',
          'set enableServiceLinks: false in the pod, or rename the Service',
        );
      }
      const port = parseInteger(text);
      if (port === undefined || port < least || port > 65_535) {
        return refuse('is not a valid port', `set ${range}`);
      }
      return accept(port);
    },
  };
}

/** An integer in a notation of Go's `strconv.ParseInt` with base 0; undefined for any other text. */
export function parseInteger(text: string): number | undefined {
  const [, sign, digits] =
    /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|[1-9](?:_?[0-9])*|0)$/.exec(
      text,
    ) ?? [];
  if (digits === undefined) return undefined;
  const plain = digits.replaceAll('_', '');
  const magnitude = /^0[0-7]/.test(plain) ? Number.parseInt(plain, 8) : Number(plain);
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude;
}

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as in Kubernetes (`500ms`, `30s`, `1m30s`), in milliseconds. */
export function durationValue(range: {
  readonly leastMs: number;
  readonly mostMs: number;
}): ValueType<number> {
  const { leastMs, mostMs } = range;
  return {
    label: 'duration',
    show: formatDuration,
    parse(text) {
      const parsed = parseDurationMs(text);
      if (!parsed.ok) return parsed;
      if (parsed.value < leastMs || parsed.value > mostMs) {
        const limits = `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
        return refuse('is out of range', `set a duration from ${limits}`);
      }
      return parsed;
    },
  };
}

function parseDurationMs(text: string): Parsed<number> {
  if (text === '0') return accept(0);
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) {
    const fix = /^\d+$/.test(text)
      ? `add a unit, such as ${text}s`
      : 'write it like 500ms, 30s or 5m';
    return refuse('is not a duration', fix);
  }
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    totalMs += Number(amount) * (millisecondsPerUnit[unit ?? ''] ?? 0);
  }
  return accept(Math.round(totalMs));
}

function formatDuration(ms: number): string {
  if (ms !== 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** A list of another type's values, separated by commas or white space. At least one; duplicates count once. */
export function listValue<T>(item: ValueType<T>): ValueType<readonly T[]> {
  return {
    label: `${item.label},…`,
    show: (values) => values.join(' '),
    parse(text) {
      const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
      if (entries.length === 0) {
        return refuse('is an empty list', 'list at least one value, or remove the setting');
      }
      const values = new Set<T>();
      for (const [index, entry] of entries.entries()) {
        const parsed = item.parse(entry);
        if (!parsed.ok) {
          return {
            ...parsed,
            at: `, entry ${index + 1}`,
            shown: parsed.shown ?? JSON.stringify(entry),
          };
        }
        values.add(parsed.value);
      }
      return accept([...values]);
    },
  };
}
