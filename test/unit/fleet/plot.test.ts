import { describe, expect, test } from 'vitest';
import { renderPlot } from '../../../fleet/plot.ts';

const plot = {
  title: 'Requests <of> "all"',
  stepMs: 60_000,
  limit: { name: 'limit', value: 500 },
  series: [
    { name: 'ours', colour: '#000', values: [0, 10, 10, 1_000, 0] },
    { name: 'theirs', colour: '#111', values: [5, 5, 5, 5, 5] },
  ],
};

describe('a plot', () => {
  test('has a line for each series, a step for each change, and escapes its texts', () => {
    const svg = renderPlot(plot);
    expect(svg.match(/<path /g)).toHaveLength(2);
    // Up to 10, up to 1,000, down to nothing.
    expect(/<path d="([^"]*)"/.exec(svg)?.[1]?.match(/V/g)).toHaveLength(3);
    expect(svg).toContain('Requests &lt;of> &quot;all&quot;');
    expect(svg).toContain('>1,000</text>');
    expect(svg).not.toContain('10,000');
    expect(svg).not.toContain('NaN');
  });

  test.each([
    [60_000, '4 min'],
    [3_600_000, '240 min'],
    [36_000_000, '48 h'],
    [1_000, '0 min'],
  ])('labels time at steps of %i ms', (stepMs, label) => {
    expect(renderPlot({ ...plot, stepMs })).toContain(`>${label}</text>`);
  });

  test('shades an outage', () => {
    const shade = { name: 'outage', fromMs: 0, toMs: 120_000 };
    expect(renderPlot({ ...plot, shade })).toContain('>outage</text>');
    expect(renderPlot(plot)).not.toContain('outage');
  });
});
