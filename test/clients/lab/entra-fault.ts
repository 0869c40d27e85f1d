import type { Pod } from './pod.ts';
import type { Scenario } from './scenarios.ts';

const downMs = 3_000;

/**
 * Lets go wrong with Entra what the scenario says. The fault holds from the first request that meets it: a runtime may take seconds to start.
 *
 * @returns what ends it
 */
export function setFault({ emulator: { faults, journal } }: Pod, { fault }: Scenario): () => void {
  faults.clear();
  journal.clear();
  if (fault === undefined) return () => {};
  const { effect, requests } = fault;
  faults.replace([requests === undefined ? { effect } : { effect, requests }]);
  if (requests !== undefined) return () => faults.clear();
  let meetsAt: number | undefined;
  const timer = setInterval(() => {
    if (
      meetsAt === undefined &&
      journal.entries().some(({ outcome }) => outcome?.fault !== undefined)
    ) {
      meetsAt = performance.now();
    }
    if (meetsAt !== undefined && performance.now() - meetsAt >= downMs) faults.clear();
  }, 20);
  return () => {
    clearInterval(timer);
    faults.clear();
  };
}
