import type { Panel } from '../panel.ts';
import type { Line, PanelData, RowData } from './data.ts';
import { formatValue } from './format.ts';

/** Grafana's grid: 24 columns, and rows of about half a column's width. */
const column = 50;
const unitHeight = 24;
const gap = 8;
const width = 24 * column;
const rowTitleHeight = 34;

/** More series would hide each other. */
const maxLines = 8;
const maxTableRows = 6;

const style = `
svg{--back:#f4f5f5;--panel:#fff;--edge:#d8d9da;--text:#24292e;--dim:#5f6b7a}
@media(prefers-color-scheme:dark){svg{--back:#111217;--panel:#181b1f;--edge:#2c3235;--text:#d8d9da;--dim:#9fa7b3}}
.b{fill:var(--back)}.p{fill:var(--panel);stroke:var(--edge)}text{fill:var(--text);font:11px sans-serif}
.t{font-size:11px;font-weight:600}.r{font-size:15px}.v{font-size:24px;fill:#3b9e4c}.d{fill:var(--dim);font-size:10px}
.g{stroke:var(--edge);fill:none}.l{fill:none;stroke-width:1.3}
${['#3b9e4c', '#d9822b', '#3274d9', '#c4433c', '#8f5bc4', '#2b9ea6', '#b8860b', '#a0527a']
  .map((color, index) => `.c${index}{stroke:${color}}.f${index}{fill:${color}}`)
  .join('')}`;

/**
 * Draws the dashboard with its data. The same data always make the same picture.
 * @param nowMs the time of the newest values
 */
export function drawDashboard(rows: readonly RowData[], nowMs: number): string {
  let top = gap;
  const parts: string[] = [];
  for (const { title, panels } of rows) {
    parts.push(text(gap, top + 20, title, 'r'));
    top += rowTitleHeight;
    let left = 0;
    let lineHeight = 0;
    for (const data of panels) {
      const span = data.panel.width;
      if (left + span > 24) {
        top += lineHeight;
        [left, lineHeight] = [0, 0];
      }
      const height = heightOf(data.panel) * unitHeight;
      const box = { left: left * column, top, width: span * column, height };
      parts.push(drawPanel(data, box, nowMs));
      left += span;
      lineHeight = Math.max(lineHeight, height);
    }
    top += lineHeight;
  }
  const size = `viewBox="0 0 ${width} ${top + gap}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="The dashboard with the data of a small fleet"><style>${style}</style><rect class="b" width="100%" height="100%"/>
${parts.join('\n')}
</svg>
`;
}

/** In rows of the grid, as in the dashboard itself. */
function heightOf({ kind, width: span }: Panel): number {
  return kind === 'stat' || (kind === 'table' && span < 12) ? 4 : 8;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function drawPanel({ panel, lines }: PanelData, box: Box, nowMs: number): string {
  const inner = { width: box.width - gap, height: box.height - gap };
  const content = drawContent(panel, lines.slice(0, maxLines), inner, nowMs);
  return `<g transform="translate(${box.left + gap / 2} ${box.top})"><rect class="p" rx="3" width="${inner.width}" height="${inner.height}"/>${text(10, 18, panel.title, 't')}${content}</g>`;
}

type Size = Pick<Box, 'width' | 'height'>;

function drawContent(panel: Panel, lines: readonly Line[], size: Size, nowMs: number): string {
  switch (panel.kind) {
    case 'stat':
      return drawStat(panel, lines, size, nowMs);
    case 'table':
      return drawTable(panel, lines, size, nowMs);
    case 'timeseries':
      return drawChart(panel, lines, size, nowMs);
  }
}

function drawStat({ unit }: Panel, lines: readonly Line[], size: Size, nowMs: number): string {
  const [line] = lines;
  const last = line === undefined ? undefined : lastOf(line);
  const area = { left: 1, top: 56, width: size.width - 2, height: size.height - 58 };
  const spark = line === undefined ? '' : toPath(line.values, 0, maxOf([line]), area);
  const shown = last === undefined ? 'No data' : formatValue(last, unit, nowMs);
  return `${text(10, 48, shown, 'v')}<path class="l c0" d="${spark}"/>`;
}

function drawTable({ unit }: Panel, lines: readonly Line[], size: Size, nowMs: number): string {
  const rows = lines
    .flatMap(({ legend, values }) => {
      // A table shows the newest values alone.
      const value = values.at(-1);
      return value === undefined ? [] : [{ legend, value }];
    })
    .slice(0, maxTableRows);
  if (rows.length === 0) return text(10, 42, 'No data', 'd');
  return rows
    .map(({ legend, value }, index) => {
      const y = 42 + index * 22;
      const shown = text(size.width - 10, y, formatValue(value, unit, nowMs), 'e', 'end');
      return `${text(10, y, legend)}${shown}<path class="g" d="M10 ${y + 7}H${size.width - 10}"/>`;
    })
    .join('');
}

function drawChart(panel: Panel, lines: readonly Line[], size: Size, nowMs: number): string {
  const area = { left: 62, top: 30, width: size.width - 74, height: size.height - 66 };
  const stacked = panel.isStacked === true ? stack(lines) : lines;
  const scale = panel.unit === 'bytes' ? 1_048_576 : 1;
  const highest = panel.max ?? toRound(maxOf(stacked) / scale) * scale;
  const grid = [0, 0.5, 1].map((share) => {
    const y = Math.round(area.top + area.height * (1 - share));
    const label = formatValue(highest * share, panel.unit, nowMs);
    return `<path class="g" d="M${area.left} ${y}H${area.left + area.width}"/>${text(area.left - 6, y + 4, label, 'd', 'end')}`;
  });
  const curves = stacked.map(
    ({ values }, index) => `<path class="l c${index}" d="${toPath(values, 0, highest, area)}"/>`,
  );
  return `${grid.join('')}${curves.join('')}${drawLegend(lines, size)}`;
}

function drawLegend(lines: readonly Line[], { width: all, height }: Size): string {
  let left = 10;
  const entries: string[] = [];
  for (const [index, { legend }] of lines.entries()) {
    const needed = 22 + legend.length * 6;
    if (left + needed > all) break;
    entries.push(
      `<rect class="f${index}" x="${left}" y="${height - 18}" width="10" height="3"/>${text(left + 14, height - 12, legend, 'd')}`,
    );
    left += needed;
  }
  return entries.join('');
}

/** Each line on top of those before it. */
function stack(lines: readonly Line[]): readonly Line[] {
  let below: readonly number[] = [];
  return lines.map(({ legend, values }) => {
    const sums = values.map((value, index) => (value ?? 0) + (below[index] ?? 0));
    below = sums;
    return { legend, values: sums };
  });
}

function toPath(
  values: Line['values'],
  lowest: number,
  highest: number,
  { left, top, width: across, height }: Box,
): string {
  const range = highest - lowest || 1;
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === undefined) {
        isDown = false;
        return '';
      }
      const x = Math.round(left + (across * index) / Math.max(1, values.length - 1));
      const share = Math.min(1, Math.max(0, (value - lowest) / range));
      const y = Math.round((top + height * (1 - share)) * 10) / 10;
      const command = isDown ? 'L' : 'M';
      isDown = true;
      return `${command}${x} ${y}`;
    })
    .join('');
}

function maxOf(lines: readonly Line[]): number {
  return Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
}

/** The next of 1, 2 and 5 with zeros. */
function toRound(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return factor * power;
}

function lastOf({ values }: Line): number | undefined {
  return values.findLast((value) => value !== undefined);
}

function text(x: number, y: number, content: string, name = '', anchor = ''): string {
  const attributes = `${name === '' ? '' : ` class="${name}"`}${anchor === '' ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${x}" y="${y}"${attributes}>${toXml(content)}</text>`;
}

function toXml(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
