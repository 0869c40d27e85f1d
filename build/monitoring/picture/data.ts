/** The data of the picture: the answers of a real Prometheus that has watched real proxies under load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startMonitoredFleet } from '../../../test/support/monitored-fleet.ts';
import type { Panel, Row } from '../panel.ts';

/** One series of a panel. */
export interface Line {
  readonly legend: string;
  /** Evenly spaced, the newest last; undefined where Prometheus has no value. */
  readonly values: readonly (number | undefined)[];
}

export interface PanelData {
  readonly panel: Panel;
  readonly lines: readonly Line[];
}

export interface RowData {
  readonly title: string;
  readonly panels: readonly PanelData[];
}

const points = 60;

/** Rates over five minutes need about as long to become flat. */
export const watchSeconds = 300;

/** Lets a fleet run, and asks each panel's queries over that time. */
export async function collectRows(rows: readonly Row[]): Promise<readonly RowData[]> {
  await using fleet = await startMonitoredFleet(1);
  const startedAtSeconds = Date.now() / 1_000;
  await sleep(watchSeconds * 1_000);
  const step = (watchSeconds - 30) / (points - 1);
  const end = Date.now() / 1_000;
  const start = Math.max(startedAtSeconds, end - step * (points - 1));

  const ask = async (panel: Panel): Promise<PanelData> => {
    const answers = await Promise.all(
      panel.queries.map(async ({ expr, legend }) => {
        const series = await fleet.prometheus.queryRange(substitute(expr), start, end, step);
        return series.map(({ metric, values = [] }) => {
          const byPoint = new Map(
            values.map(([at, value]) => [Math.round((at - start) / step), Number(value)] as const),
          );
          return {
            legend: legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
            values: Array.from({ length: points }, (_, index) => toFinite(byPoint.get(index))),
          };
        });
      }),
    );
    return { panel, lines: answers.flat() };
  };
  const collected = await Promise.all(
    rows.map(async ({ title, panels }) => ({
      title: substitute(title),
      panels: await Promise.all(panels.map(ask)),
    })),
  );
  return collected;
}

function toFinite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** The variables of the dashboard as its readers would set them. */
function substitute(expr: string): string {
  return expr
    .replaceAll('$cluster', '.*')
    .replaceAll('$namespace', '.*')
    .replaceAll('$pod', 'checkout-7f9c-x2k4')
    .replaceAll('$__rate_interval', '1m');
}
