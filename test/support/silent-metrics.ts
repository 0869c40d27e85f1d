import type { Metrics } from '../../src/proxy/metrics/metrics.ts';

/** Counts nothing. */
export const silentMetrics: Metrics = {
  requestStarted() {},
  requestFinished() {},
  denied() {},
  cache() {},
  tokenRequestFailed() {},
  exchange() {},
  refreshFailed() {},
  passthrough() {},
  assertionReadError() {},
};
