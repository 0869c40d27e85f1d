/** A real Prometheus finds, scrapes and evaluates the metrics of a small fleet of real proxies. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordingRules } from '../../../build/monitoring/recording-rules.ts';
import { type MonitoredFleet, startMonitoredFleet } from '../../support/monitored-fleet.ts';
import type { PrometheusSeries } from '../../support/prometheus.ts';
import { withoutPrometheus } from '../../support/prometheus.ts';
import { promtool } from '../../support/promtool.ts';
import { describeUnless } from '../../support/skip.ts';

interface GrafanaPanel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../deploy/monitoring/dashboard.json'), 'utf8'),
) as {
  readonly panels: readonly GrafanaPanel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Until Prometheus has scraped and evaluated a few times, on a busy machine. */
const patienceMs = 90_000;

async function eventually<T>(look: () => Promise<T>, isEnough: (value: T) => boolean): Promise<T> {
  const deadlineAt = performance.now() + patienceMs;
  for (;;) {
    const value = await look();
    if (isEnough(value) || performance.now() > deadlineAt) return value;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const hasData = (series: readonly PrometheusSeries[]): boolean =>
  series.length > 0 && series.every(({ value }) => Number.isFinite(Number(value?.[1])));

describeUnless(withoutPrometheus, 'monitoring', () => {
  let fleet: MonitoredFleet;
  beforeAll(async () => {
    fleet = await startMonitoredFleet(1);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const query = (expr: string): Promise<readonly PrometheusSeries[]> =>
    fleet.prometheus.query(expr);

  describe('the scrape configuration', () => {
    test('finds each proxy once, of the webhook and of inject, and names its pod', async () => {
      const ours = (
        await eventually(
          () => fleet.prometheus.targets(),
          (targets) => targets.length > 4 && targets.every(({ health }) => health === 'up'),
        )
      )
        .filter(({ labels }) => labels['job'] === 'imds-proxy')
        .map(({ labels, scrapeUrl, health }) => ({ labels, scrapeUrl, health }));
      expect(ours.toSorted((a, b) => a.scrapeUrl.localeCompare(b.scrapeUrl))).toEqual(
        fleet.pods.map(({ namespace, name, ip, adminPort }) => ({
          labels: {
            job: 'imds-proxy',
            instance: `${ip}:${adminPort}`,
            namespace,
            pod: name,
            container: 'azwi-proxy',
          },
          scrapeUrl: `http://${ip}:${adminPort}/metrics`,
          health: 'up',
        })),
      );
    });
  });

  describe('the metrics', () => {
    test("pass promtool's checks of names and help texts", async () => {
      for (const { ip, adminPort } of fleet.pods) {
        const text = await (await fetch(`http://${ip}:${adminPort}/metrics`)).text();
        const checked = spawnSync(promtool ?? 'promtool', ['check', 'metrics'], {
          input: text,
          encoding: 'utf8',
        });
        expect(checked).toMatchObject({ status: 0, stdout: '', stderr: '' });
      }
    });
  });

  describe('the recording rules', () => {
    test.each(recordingRules.map(({ record }) => record))('%s has values', async (record) => {
      expect(await eventually(() => query(record), hasData)).not.toEqual([]);
    });
  });

  describe('the dashboard', () => {
    const substitute = (expr: string): string =>
      expr
        .replaceAll('$cluster', '.*')
        .replaceAll('$namespace', '.*')
        .replaceAll('$pod', 'checkout-7f9c-x2k4')
        .replaceAll('$__rate_interval', '10s');

    test('offers values for its variables', async () => {
      const found: Record<string, readonly string[]> = {};
      for (const { name, query: asked } of dashboard.templating.list) {
        const [, selector, label = ''] =
          /^label_values\((.+), (\w+)\)$/.exec(asked.query ?? '') ?? [];
        if (selector === undefined) continue;
        const series = await eventually(() => query(substitute(selector)), hasData);
        found[name] = [...new Set(series.flatMap(({ metric }) => metric[label] ?? []))].toSorted();
      }
      expect(found).toEqual({
        cluster: [],
        namespace: ['bank', 'shop'],
        pod: fleet.pods.map(({ name }) => name).toSorted(),
      });
    });

    const targets = panels.flatMap(({ title, targets: queries = [] }, index) =>
      queries.map(({ expr, legendFormat }) => [`${index} ${title}`, legendFormat, expr] as const),
    );

    test.each(targets)('%s (%s) has data', async (_, legend, expr) => {
      const text = substitute(expr);
      expect(text).not.toContain('$');
      const series = await eventually(() => query(text), hasData);
      expect(hasData(series), text).toBe(true);
      // Each label that the legend shows is there.
      for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
        expect(series.every(({ metric }) => metric[label] !== undefined)).toBe(true);
      }
    });

    test.each(panels.map((panel) => [panel.title, panel] as const))(
      '%s has a unit and a description',
      (_, { description = '', fieldConfig }) => {
        expect(fieldConfig?.defaults.unit).toMatch(/^\w+$/);
        expect(description).toMatch(/^[A-Za-z'].*\.$/);
      },
    );
  });
});
