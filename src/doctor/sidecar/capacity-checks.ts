import type { Clock } from '../../proxy/clock.ts';
import { findMemoryRisk, MIN_MEMORY_LIMIT_BYTES } from '../../proxy/process/memory.ts';
import { type Check, type Finding, fail, ok, skip, warn } from '../engine/check.ts';
import { once } from '../network/once.ts';
import { type CgroupFacts, readCgroup } from './cgroup.ts';
import { findPodStart, readProcess } from './running-process.ts';
import type { RunningProxy } from './running-proxy.ts';

const MIB = 1_048_576;

/** A pod whose init containers take longer than this is rare. */
const slowStartSeconds = 600;

/** A container that waits in every fourth period of its CPU limit is slow. */
const busyShare = 0.25;

/** Memory, CPU and restarts, as far as /proc and cgroups tell. */
export function createCapacityChecks(
  clock: Clock,
  proxy: RunningProxy | undefined,
): readonly Check[] {
  const facts = once(() => readCgroup(proxy?.pid ?? 'self'));
  return [
    { id: 'memory-limit', run: async () => judgeMemoryLimit(await facts()) },
    { id: 'memory-kills', run: async () => judgeKills(await facts()) },
    { id: 'cpu-limit', run: async () => judgeCpu(await facts()) },
    {
      id: 'restarts',
      async run() {
        if (proxy === undefined) return skip('no proxy is running here');
        // Elsewhere there is no pod to be younger than.
        if (proxy.env?.['KUBERNETES_SERVICE_HOST'] === undefined) return skip('this is not a pod');
        const [{ startedAtSeconds }, podStartedAtSeconds] = await Promise.all([
          readProcess(proxy.pid),
          findPodStart(),
        ]);
        return judgeStart(startedAtSeconds, podStartedAtSeconds, clock.epochMs() / 1_000);
      },
    },
  ];
}

export function judgeMemoryLimit({ memoryLimitBytes, memoryPeakBytes }: CgroupFacts): Finding {
  const evidence = {
    limit: memoryLimitBytes === undefined ? 'none' : toMib(memoryLimitBytes),
    ...(memoryPeakBytes !== undefined && {
      'highest use, with file cache': toMib(memoryPeakBytes),
    }),
  };
  const risk = memoryLimitBytes === undefined ? undefined : findMemoryRisk(memoryLimitBytes);
  if (risk === undefined)
    return ok(memoryLimitBytes === undefined ? 'no limit' : evidence.limit, { evidence });
  const [summary = ''] = risk.split(':');
  return fail(summary, {
    evidence,
    fix: `Set resources.limits.memory of the proxy's container to ${MIN_MEMORY_LIMIT_BYTES / MIB}Mi or more. Below it tokens may take seconds.`,
    docs: 'docs/sizing.md',
  });
}

export function judgeKills({ oomKills }: CgroupFacts): Finding {
  if (oomKills === undefined)
    return skip('this kernel does not show how often it killed a process');
  if (oomKills === 0) return ok('the kernel has killed no process of this container');
  return fail(
    `the kernel has killed ${oomKills} process(es) of this container for want of memory`,
    {
      evidence: { 'OOM kills': oomKills },
      fix: `Raise resources.limits.memory of the proxy's container, to at least ${MIN_MEMORY_LIMIT_BYTES / MIB}Mi. If something else runs in this container, such as a shell, leave it room as well.`,
      docs: 'docs/sizing.md',
    },
  );
}

export function judgeCpu({ throttledShare }: CgroupFacts): Finding {
  if (throttledShare === undefined) return skip('there is no CPU limit, or it cannot be read');
  const percent = `${Math.round(throttledShare * 100)} %`;
  const evidence = { 'periods in which it waited': percent };
  if (throttledShare < busyShare)
    return ok(`the CPU limit made the proxy wait in ${percent} of its periods`, { evidence });
  return warn(`the CPU limit made the proxy wait in ${percent} of its periods`, {
    evidence,
    fix: 'Raise resources.limits.cpu of the proxy, or remove it and keep the request.',
    docs: 'docs/sizing.md',
  });
}

/** A restart leaves no trace in the container itself, but the container is then younger than its pod. */
export function judgeStart(
  startedAtSeconds: number | undefined,
  podStartedAtSeconds: number | undefined,
  nowSeconds: number,
): Finding {
  if (startedAtSeconds === undefined || podStartedAtSeconds === undefined) {
    return skip('the start of the pod or the proxy cannot be read');
  }
  const evidence = {
    'pod started': toIso(podStartedAtSeconds),
    'proxy started': toIso(startedAtSeconds),
  };
  const age = formatMinutes(nowSeconds - startedAtSeconds);
  const lateSeconds = startedAtSeconds - podStartedAtSeconds;
  if (lateSeconds < slowStartSeconds)
    return ok(`runs for ${age}, since its pod started`, { evidence });
  return warn(
    `runs for ${age} and started ${formatMinutes(lateSeconds)} after its pod: it was probably restarted`,
    {
      evidence,
      fix: 'Look for the reason of the last stop, such as OOMKilled or a failed liveness probe: kubectl describe pod POD; kubectl logs POD -c azwi-proxy --previous.',
      docs: 'docs/troubleshooting.md#the-container-does-not-start',
    },
  );
}

function formatMinutes(seconds: number): string {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

function toMib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}

function toIso(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}
