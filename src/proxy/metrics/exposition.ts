import Registry from 'prom-client/lib/registry.js';
import { aadstsRules } from '../entra/explain/aadsts.ts';
import type { Metric } from './instruments.ts';
import type { MetricsState } from './metrics.ts';

/** The metrics as Prometheus scrapes them. */
export interface Exposition {
  readonly contentType: string;
  render(): Promise<string>;
}

/**
 * Registers every metric of a table with prom-client, which reads the values at each scrape. prom-client's own
 * counters would need to be loaded before the first request.
 * @param readState called once for each scrape; one scrape at a time.
 * @param addRuntimeMetrics registers more metrics, such as those of Node.js.
 */
export function createExposition(
  table: readonly Metric<MetricsState>[],
  readState: () => Promise<Omit<MetricsState, 'aadstsNumbers'>>,
  addRuntimeMetrics?: (registry: Registry) => void,
): Exposition {
  const registry = new Registry();
  const aadstsNumbers = new Set(aadstsRules.flatMap(({ codes }) => codes));
  let state: MetricsState;
  for (const { name, help, type, read } of table) {
    registry.registerMetric({ name, get: () => ({ name, help, type, values: read(state) }) });
  }
  addRuntimeMetrics?.(registry);
  return {
    contentType: registry.contentType,
    async render() {
      // One state for the whole scrape, so that its values fit together.
      state = { ...(await readState()), aadstsNumbers };
      return registry.metrics();
    },
  };
}
