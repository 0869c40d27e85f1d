import type { Lab } from './lab.ts';
import { measureCallers } from './measures/callers.ts';
import { measureExchanging } from './measures/exchanging.ts';
import { measureFirstToken } from './measures/first-token.ts';
import { measureFleet } from './measures/fleet.ts';
import { measureHits } from './measures/hits.ts';
import { measureIdle } from './measures/idle.ts';
import { measureInit } from './measures/init.ts';
import { measureKeys } from './measures/keys.ts';
import { measureLatency } from './measures/latency.ts';
import { measureMemoryLimit } from './measures/memory-limit.ts';
import { measurePeak } from './measures/peak.ts';
import { measureProbe } from './measures/probe.ts';
import { measureQuota } from './measures/quota.ts';
import { measureSoak } from './measures/soak.ts';
import { measureStartup } from './measures/startup.ts';
import type { Result } from './report/result.ts';

/** Every measure by the name that `--only` takes, in the order of the report. */
export const measures: Readonly<Record<string, (lab: Lab) => Promise<readonly Result[]>>> = {
  hits: measureHits,
  latency: measureLatency,
  exchanging: measureExchanging,
  startup: measureStartup,
  idle: measureIdle,
  peak: measurePeak,
  'first-token': measureFirstToken,
  fleet: measureFleet,
  quota: measureQuota,
  'memory-limit': measureMemoryLimit,
  probe: measureProbe,
  callers: measureCallers,
  keys: measureKeys,
  soak: measureSoak,
  init: measureInit,
};
