/** One line of the exposition. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** The name of the line if it is not the metric's: `_bucket`, `_sum` and `_count` of a histogram. */
  readonly metricName?: string;
}

/** Part of every metric's declaration. */
interface Declaration {
  readonly name: string;
  /** One or two sentences for the exposition and for docs/metrics.md. */
  readonly help: string;
}

/** A metric, and how a scrape reads it. */
export interface Metric<State> extends Declaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Every label that a sample may have, with its values or a description of them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly read: (state: State) => readonly Sample[];
}

/** A label with a fixed set of values. Each value has a sample from startup, so that rates are correct. */
interface Label<Value extends string> {
  readonly label: string;
  readonly values: readonly Value[];
}

/** A gauge that each scrape reads from the proxy's state. No sample while it is undefined. */
export function gauge<State>(
  declaration: Declaration,
  read: (state: State) => number | undefined,
): Metric<State> {
  return {
    ...declaration,
    type: 'gauge',
    labels: {},
    read: (state) => toSamples({}, read(state)),
  };
}

/** A gauge with the value that was last set. No sample before that, unless there is an `initial` value. */
export function settableGauge(declaration: Declaration, initial?: number) {
  let current = initial;
  return {
    ...gauge<unknown>(declaration, () => current),
    get: () => current ?? 0,
    set(value: number): void {
      current = value;
    },
  };
}

export function counter(declaration: Declaration) {
  let total = 0;
  return {
    ...gauge<unknown>(declaration, () => total),
    type: 'counter' as const,
    add(): void {
      total += 1;
    },
  };
}

/** A counter for each value of a label. Counting allocates nothing. */
export function counterBy<Value extends string>({
  label,
  values,
  ...declaration
}: Declaration & Label<Value>) {
  const totals = Object.fromEntries(values.map((value) => [value, 0])) as Record<Value, number>;
  return {
    ...declaration,
    type: 'counter' as const,
    labels: { [label]: values.join(', ') },
    add(value: Value): void {
      totals[value] += 1;
    },
    read: () => values.flatMap((value) => toSamples({ [label]: value }, totals[value])),
  };
}

/** The greatest status that Node accepts is 999. */
const codeLimit = 1_000;

/** A counter for each HTTP status that occurred. Counting allocates nothing. */
export function counterByCode(declaration: Declaration) {
  const totals = new Float64Array(codeLimit);
  return {
    ...declaration,
    type: 'counter' as const,
    labels: { code: 'HTTP status' },
    add(code: number): void {
      totals[code] = (totals[code] ?? 0) + 1;
    },
    read: () =>
      [...totals].flatMap((total, code) =>
        total === 0 ? [] : toSamples({ code: String(code) }, total),
      ),
  };
}

/** More numbers than Entra sends to one pod. Further numbers are counted together. */
const maxNumbers = 64;

/** A counter for each number that occurred. A scrape shows unknown numbers as `other`. */
export function counterByNumber<State>({
  label,
  values,
  known,
  ...declaration
}: Declaration & {
  readonly label: string;
  /** Describes the values, for the documentation. */
  readonly values: string;
  readonly known: (state: State) => ReadonlySet<number>;
}) {
  const totals = new Map<number, number>();
  let others = 0;
  return {
    ...declaration,
    type: 'counter' as const,
    labels: { [label]: values },
    add(value: number): void {
      const total = totals.get(value);
      if (total === undefined && totals.size >= maxNumbers) others += 1;
      else totals.set(value, (total ?? 0) + 1);
    },
    read(state: State): readonly Sample[] {
      const numbers = known(state);
      const samples: Sample[] = [];
      let rest = others;
      for (const [value, total] of totals) {
        if (numbers.has(value)) samples.push(...toSamples({ [label]: String(value) }, total));
        else rest += total;
      }
      return rest === 0 ? samples : [...samples, ...toSamples({ [label]: 'other' }, rest)];
    },
  };
}

/** Upper bounds of all histograms in milliseconds: from a cached answer to an exchange that timed out. */
export const bucketBoundsMs: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000,
];

/** A histogram of durations. Observing allocates nothing. */
export function histogram(declaration: Declaration) {
  const { name } = declaration;
  const overflow = bucketBoundsMs.length;
  const sum = overflow + 1;
  const cells = new Float64Array(overflow + 2);
  return {
    ...declaration,
    type: 'histogram' as const,
    labels: {},
    observe(durationMs: number): void {
      let bucket = 0;
      while (bucket < overflow && durationMs > (bucketBoundsMs[bucket] ?? 0)) bucket += 1;
      cells[bucket] = (cells[bucket] ?? 0) + 1;
      cells[sum] = (cells[sum] ?? 0) + durationMs;
    },
    read(): readonly Sample[] {
      let count = 0;
      const buckets = [...bucketBoundsMs.map((bound) => String(bound / 1_000)), '+Inf'];
      const samples = buckets.map((le, index): Sample => {
        count += cells[index] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le }, value: count };
      });
      const sumSeconds = (cells[sum] ?? 0) / 1_000;
      return [
        ...samples,
        { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
        { metricName: `${name}_count`, labels: {}, value: count },
      ];
    },
  };
}

/**
 * One metric from one instrument for each value of a label.
 * @param isShown whether a scrape shows an instrument.
 */
export function labelled<Value extends string, Instrument extends Metric<unknown>>(
  { label, values }: { readonly label: string; readonly values: readonly [Value, ...Value[]] },
  create: () => Instrument,
  isShown: (samples: readonly Sample[]) => boolean = () => true,
) {
  const instruments = Object.fromEntries(values.map((value) => [value, create()])) as Record<
    Value,
    Instrument
  >;
  const { name, help, type, labels } = instruments[values[0]];
  return {
    name,
    help,
    type,
    labels: { [label]: values.join(', '), ...labels },
    of: instruments,
    read: () =>
      values.flatMap((value) => {
        const samples = instruments[value].read(undefined);
        return isShown(samples)
          ? samples.map((sample) => ({ ...sample, labels: { [label]: value, ...sample.labels } }))
          : [];
      }),
  };
}

/** One sample, or none while there is no value. */
export function toSamples(
  labels: Readonly<Record<string, string>>,
  value: number | undefined,
): readonly Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}
