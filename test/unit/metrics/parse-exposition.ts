/** A metric as a scraper understands it. */
export interface ParsedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const namePattern = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const samplePattern = new RegExp(`^(${namePattern})(?:\\{(.*)\\})? (\\S+)$`);
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

/**
 * Reads the text format of Prometheus (version 0.0.4) and accepts nothing that its specification does not:
 * every family has its HELP and TYPE before its samples, comes once, and has names, labels and values that
 * fit its type.
 * @throws the fault, with its line.
 */
export function parseExposition(text: string): ReadonlyMap<string, ParsedMetric> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const metrics = new Map<string, ParsedMetric & { readonly samples: ParsedSample[] }>();
  let help: { readonly name: string; readonly text: string } | undefined;
  let current: (ParsedMetric & { readonly samples: ParsedSample[] }) | undefined;

  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, helpName, helpText] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    const [, typeName, type] =
      /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
    if (helpName !== undefined) {
      if (metrics.has(helpName)) throw new Error(`second HELP: ${line}`);
      help = { name: helpName, text: helpText ?? '' };
      current = undefined;
    } else if (typeName !== undefined && type !== undefined) {
      if (help?.name !== typeName) throw new Error(`TYPE without HELP: ${line}`);
      current = { name: typeName, type, help: help.text, samples: [] };
      metrics.set(typeName, current);
    } else {
      if (current === undefined) throw new Error(`sample outside its family: ${line}`);
      current.samples.push(parseSample(line, current));
    }
  }
  for (const metric of metrics.values()) checkFamily(metric);
  return metrics;
}

function parseSample(line: string, { name: family, type }: ParsedMetric): ParsedSample {
  const [, name, labelText, valueText] = samplePattern.exec(line) ?? [];
  if (name === undefined || valueText === undefined) throw new Error(`not a sample: ${line}`);
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  if (!suffixes.some((suffix) => name === family + suffix)) {
    throw new Error(`${name} in the family ${family}`);
  }
  const labels: Record<string, string> = {};
  labelPattern.lastIndex = 0;
  while (labelText !== undefined && labelPattern.lastIndex < labelText.length) {
    const [, label, value] = labelPattern.exec(labelText) ?? [];
    if (label === undefined || value === undefined) throw new Error(`not labels: ${line}`);
    if (label in labels) throw new Error(`label twice: ${line}`);
    labels[label] = value.replace(/\\(["\\n])/g, (_, escaped) =>
      escaped === 'n' ? '\n' : escaped,
    );
  }
  const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
  // A scraper reads values as Go's ParseFloat does, which knows NaN in any case.
  if (Number.isNaN(value) && !/^nan$/i.test(valueText)) throw new Error(`not a value: ${line}`);
  if (type !== 'gauge' && value < 0) throw new Error(`below zero: ${line}`);
  return { name, labels, value };
}

function checkFamily({ name, type, samples }: ParsedMetric): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const identity = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
    if (seen.has(identity)) throw new Error(`sample twice: ${identity}`);
    seen.add(identity);
  }
  if (type === 'counter' && !name.endsWith('_total'))
    throw new Error(`counter ${name} without _total`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, members] of series) {
    const buckets = members.filter((member) => member.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) =>
      le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
    );
    const counts = buckets.map(({ value }) => value);
    const count = members.find((member) => member.name === `${name}_count`)?.value;
    const sum = members.find((member) => member.name === `${name}_sum`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}${labels}: no +Inf`);
    if (!isAscending(bounds) || new Set(bounds).size !== bounds.length) {
      throw new Error(`${name}${labels}: bounds out of order`);
    }
    if (!isAscending(counts)) throw new Error(`${name}${labels}: not cumulative`);
    if (count === undefined || count !== counts.at(-1)) throw new Error(`${name}${labels}: count`);
    if (sum === undefined) throw new Error(`${name}${labels}: no sum`);
  }
}

function isAscending(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value >= (values[index - 1] ?? 0));
}
