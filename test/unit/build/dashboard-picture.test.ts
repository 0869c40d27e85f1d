import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fleetRow } from '../../../build/monitoring/fleet-row.ts';
import type { Panel, Unit } from '../../../build/monitoring/panel.ts';
import { formatValue } from '../../../build/monitoring/picture/format.ts';
import { drawDashboard } from '../../../build/monitoring/picture/svg.ts';
import { podRow } from '../../../build/monitoring/pod-row.ts';

const panel: Panel = {
  title: 'Requests <&">',
  description: '',
  kind: 'timeseries',
  unit: 'reqps',
  width: 12,
  queries: [],
};

const draw = (
  change: Partial<Panel>,
  lines: readonly (readonly (number | undefined)[])[],
): string =>
  drawDashboard(
    [
      {
        title: 'Fleet',
        panels: [
          {
            panel: { ...panel, ...change },
            lines: lines.map((values, index) => ({ legend: `line ${index}`, values })),
          },
        ],
      },
    ],
    0,
  );

describe('the picture of the dashboard', () => {
  test.each<Panel['kind']>(['stat', 'table', 'timeseries'])(
    'draws a %s with gaps and without data',
    (kind) => {
      for (const lines of [[], [[]], [[undefined, undefined]], [[1, undefined, 3]], [[0, 0]]]) {
        const svg = draw({ kind }, lines);
        expect(svg).not.toMatch(/NaN|undefined|Infinity/);
        expect(svg).toContain('Requests &#60;&#38;&#34;&#62;');
      }
    },
  );

  test('a gap interrupts a line', () => {
    expect(draw({}, [[1, 2, undefined, 3, 4]])).toMatch(/d="M\d+ [\d.]+L\d+ [\d.]+M\d+ [\d.]+L/);
  });

  test('a value above the highest one stays inside of the panel', () => {
    const heights = [...draw({ max: 1 }, [[0, 50]]).matchAll(/[ML]\d+ ([\d.]+)/g)].map(([, y]) =>
      Number(y),
    );
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(30);
  });

  test('the same data make the same picture', () => {
    expect(draw({}, [[1, 2]])).toBe(draw({}, [[1, 2]]));
  });

  test.each<[number, Unit, string]>([
    [0.5, 'percentunit', '50%'],
    [0.0123, 's', '12.3 ms'],
    [5_400, 's', '90 min'],
    [0, 's', '0 s'],
    [36_000_000, 'bytes', '34.3 MiB'],
    [-60_000, 'dateTimeFromNow', '60 s ago'],
    [1234.5, 'reqps', '1235 req/s'],
  ])('%d in %s is %s', (value, unit, text) => {
    expect(formatValue(value, unit, 0)).toBe(text);
  });
});

test('docs/dashboard.svg is small and has every panel: draw it again with build/monitoring/picture/draw.ts', () => {
  const file = join(import.meta.dirname, '../../../docs/dashboard.svg');
  expect(statSync(file).size).toBeLessThan(150_000);
  const shown = [...readFileSync(file, 'utf8').matchAll(/class="t">([^<]+)</g)].map(
    ([, title]) => title,
  );
  expect(shown).toEqual(
    [fleetRow, podRow].flatMap(({ panels }) => panels.map(({ title }) => title)),
  );
});
