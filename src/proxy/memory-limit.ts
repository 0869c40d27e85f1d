const MIB = 1024 * 1024;

/**
 * The smallest memory limit of the container at which no caller waits for seconds, be it for one token or
 * for a thousand, even if the pages of the Node binary have to be read from disk and are charged to this
 * very container. Below it the kernel does not end the process: it keeps evicting and re-reading the
 * program that runs. Tested: test/e2e/containers/load.test.ts.
 */
export const MIN_MEMORY_LIMIT_BYTES = 128 * MIB;

/** What to tell the operator about a container's memory limit; undefined if it is enough or there is none. */
export function findMemoryRisk(limitBytes: number): string | undefined {
  // 0 where there is no limit to be read; older kernels name one beyond any machine's memory.
  if (limitBytes === 0 || limitBytes >= MIN_MEMORY_LIMIT_BYTES) return undefined;
  return `the container's memory limit of ${Math.floor(limitBytes / MIB)} MiB is below the supported ${MIN_MEMORY_LIMIT_BYTES / MIB} MiB: tokens may take seconds; raise resources.limits.memory`;
}
