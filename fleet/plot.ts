/** A line of a plot: one value for each step of time. */
export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

export interface Plot {
  readonly title: string;
  readonly series: readonly Series[];
  /** What one value covers. */
  readonly stepMs: number;
  /** A line across the plot. */
  readonly limit: { readonly name: string; readonly value: number };
  /** A time in which the background is grey. */
  readonly shade?: { readonly name: string; readonly fromMs: number; readonly toMs: number };
}

const width = 760;
const height = 300;
const left = 64;
const right = 24;
const top = 40;
const bottom = 34;

/**
 * Draws a plot as SVG, with time in minutes or hours to the right and a logarithmic scale upwards. Values below
 * 1 are at the bottom. It is readable on a dark page as well: it has its own background.
 */
export function renderPlot({ title, series, stepMs, limit, shade }: Plot): string {
  const steps = Math.max(...series.map(({ values }) => values.length));
  const spanMs = steps * stepMs;
  const most = Math.max(limit.value, ...series.flatMap(({ values }) => values));
  const decades = Math.max(1, Math.ceil(Math.log10(most)));
  const toX = (ms: number): number => left + (ms / spanMs) * (width - left - right);
  const toY = (value: number): number =>
    height - bottom - (Math.log10(Math.max(1, value)) / decades) * (height - top - bottom);

  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${toXml(title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="16" font-weight="bold">${toXml(title)}</text>`,
    ...(shade === undefined
      ? []
      : [
          `<rect x="${round(toX(shade.fromMs))}" y="${top}" width="${round(toX(shade.toMs) - toX(shade.fromMs))}" height="${height - top - bottom}" fill="#eee"/>`,
          `<text x="${round(toX(shade.fromMs) + 4)}" y="${height - bottom - 6}" fill="#777">${toXml(shade.name)}</text>`,
        ]),
    ...Array.from({ length: decades + 1 }, (_, decade) => {
      const y = round(toY(10 ** decade));
      return [
        `<line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}" stroke="#ddd"/>`,
        `<text x="${left - 6}" y="${y + 4}" text-anchor="end">${(10 ** decade).toLocaleString('en-US')}</text>`,
      ].join('\n');
    }),
    ...toTicks(spanMs).map(
      ({ atMs, label }) =>
        `<text x="${round(toX(atMs))}" y="${height - 14}" text-anchor="middle">${label}</text>`,
    ),
    `<line x1="${left}" y1="${round(toY(limit.value))}" x2="${width - right}" y2="${round(toY(limit.value))}" stroke="#000" stroke-dasharray="4 4"/>`,
    `<text x="${width - right}" y="${round(toY(limit.value)) - 4}" text-anchor="end">${toXml(limit.name)}</text>`,
    ...series.map(
      ({ values, colour }) =>
        `<path d="${toPath(
          values,
          (index) => round(toX(index * stepMs)),
          (value) => round(toY(value)),
        )}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
    ),
    ...series.map(
      ({ name, colour }, index) =>
        `<text x="${left + index * 150}" y="32" fill="${colour}">${toXml(name)}</text>`,
    ),
    '</svg>',
  ].join('\n')}\n`;
}

/** A step line. It leaves out points that add nothing, because some plots span a day. */
function toPath(
  values: readonly number[],
  toX: (index: number) => number,
  toY: (value: number) => number,
): string {
  const parts: string[] = [];
  let lastY: number | undefined;
  values.forEach((value, index) => {
    const y = toY(value);
    if (y === lastY) return;
    parts.push(lastY === undefined ? `M${toX(index)} ${y}` : `H${toX(index)}V${y}`);
    lastY = y;
  });
  return `${parts.join('')}H${toX(values.length)}`;
}

/** Six to twelve labels below the axis, in whole minutes or hours. */
function toTicks(spanMs: number): readonly { readonly atMs: number; readonly label: string }[] {
  const minute = 60_000;
  const steps = [1, 5, 10, 15, 30, 60, 120, 180].map((minutes) => minutes * minute);
  const step = steps.find((ms) => spanMs / ms <= 12) ?? 360 * minute;
  return Array.from({ length: Math.floor(spanMs / step) + 1 }, (_, index) => {
    const atMs = index * step;
    const minutes = atMs / minute;
    return { atMs, label: step % (60 * minute) === 0 ? `${minutes / 60} h` : `${minutes} min` };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function toXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
