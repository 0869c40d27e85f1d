import { collectDefaultMetrics, type Registry } from 'prom-client';

/** Looks for event-loop delays once a second; prom-client's default wakes the process 99 times. */
const eventLoopPrecisionMs = 1_000;

/** Adds prom-client's metrics of the process and of Node.js to a registry. */
export function addRuntimeMetrics(registry: object): void {
  collectDefaultMetrics({
    // prom-client asks of a registry what ours has, and types it by its own class.
    register: registry as Registry,
    eventLoopMonitoringPrecision: eventLoopPrecisionMs,
  });
}
