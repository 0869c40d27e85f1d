import type { Pod } from './pod.ts';
import type { Scenario } from './scenarios.ts';

/**
 * Lets go wrong with Entra what the scenario says. The fault holds from the first request that meets it: a runtime may take seconds to start.
 *
 * @returns what ends it
 */
export function setFault({ emulator: { faults, journal } }: Pod, { fault }: Scenario): () => void {
  faults.clear();
  journal.clear();
  if (fault === undefined) return () => {};
  const { effect } = fault;
  if ('requests' in fault) {
    faults.replace([{ effect, requests: fault.requests }]);
    return () => faults.clear();
  }
  faults.replace([{ effect }]);
  let meetsAt: number | undefined;
  const timer = setInterval(() => {
    if (
      meetsAt === undefined &&
      journal.entries().some(({ outcome }) => outcome?.fault !== undefined)
    ) {
      meetsAt = performance.now();
    }
    if (meetsAt !== undefined && performance.now() - meetsAt >= fault.durationMs) faults.clear();
  }, 20);
  return () => {
    clearInterval(timer);
    faults.clear();
  };
}
