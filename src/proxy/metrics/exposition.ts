import Registry from 'prom-client/lib/registry.js';
import { type MetricsState, metricDefinitions } from './definitions.ts';

/** The metrics as Prometheus scrapes them. */
export interface Exposition {
  readonly contentType: string;
  render(): Promise<string>;
}

/**
 * Registers every metric with prom-client, reading its values when it is scraped: prom-client's own
 * counters would have to be loaded before the first request.
 * @param addRuntimeMetrics registers more, such as those of Node.js itself.
 */
export function createExposition(
  read: () => MetricsState,
  addRuntimeMetrics?: (registry: Registry) => void,
): Exposition {
  const registry = new Registry();
  let state = read();
  for (const { name, help, type, read: toSamples } of metricDefinitions) {
    registry.registerMetric({
      name,
      get: () => ({ name, help, type, values: toSamples(state) }),
    });
  }
  addRuntimeMetrics?.(registry);
  return {
    contentType: registry.contentType,
    render() {
      // One snapshot for all, so that the values of a scrape belong together.
      state = read();
      return registry.metrics();
    },
  };
}
