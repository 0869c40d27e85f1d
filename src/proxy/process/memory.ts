import { runInNewContext } from 'node:vm';
import type { Clock } from '../clock.ts';

const MIB = 1024 * 1024;

/**
 * The smallest memory limit of the container at which no caller waits for seconds, be it for one token or
 * for a thousand, even if the pages of the Node binary must be read from disk and are charged to this very
 * container. Those take 53 MB, the process itself up to 61 MB while V8 compiles. Below the limit the kernel does
 * not end the process: it keeps evicting and reading back the code that runs. Tested: test/e2e/containers/load.test.ts.
 */
export const MIN_MEMORY_LIMIT_BYTES = 128 * MIB;

/** A warning about a container's memory limit; undefined if the limit is high enough or missing. */
export function findMemoryRisk(limitBytes: number): string | undefined {
  // 0 if no limit can be read; older kernels report one beyond any machine's memory.
  if (limitBytes === 0 || limitBytes >= MIN_MEMORY_LIMIT_BYTES) return undefined;
  return `the container's memory limit of ${Math.floor(limitBytes / MIB)} MiB is below the supported ${MIN_MEMORY_LIMIT_BYTES / MIB} MiB: tokens may take seconds; raise resources.limits.memory`;
}

/** How long no request must have come before memory is given back. */
const quietMs = 10_000;

export interface MemoryTrimmer {
  /** Gives memory back once, in the next quiet moment. */
  trimSoon(): void;
}

/**
 * Gives back what V8 would keep: 1 MB after the start, several after exchanges. That blocks the process for
 * 10 to 30 ms, so it waits until no request has come for a while.
 * @param lastRequestAtMs on the monotonic clock; undefined before the first request
 */
export function createMemoryTrimmer(
  { clock, trim = trimMemory }: { readonly clock: Clock; readonly trim?: () => void },
  lastRequestAtMs: () => number | undefined,
): MemoryTrimmer {
  let isWaiting = false;
  const wait = (): void => {
    isWaiting = true;
    clock.after(quietMs, () => {
      const idleSinceMs = lastRequestAtMs() ?? Number.NEGATIVE_INFINITY;
      if (clock.monotonicMs() - idleSinceMs < quietMs) return wait();
      isWaiting = false;
      trim();
    });
  };
  return {
    trimSoon() {
      if (!isWaiting) wait();
    },
  };
}

/** V8's collector, as `--expose-gc` offers it. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/** Collects garbage and returns unused pages to the system. */
export function trimMemory(): void {
  // As a flag of the command line it would make Node refuse its code cache. Set at run time it costs nothing.
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  collect({ type: 'major', flavor: 'last-resort' });
}
