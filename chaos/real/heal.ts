import { setTimeout as delay } from 'node:timers/promises';
import { promises, realPromises } from '../promises.ts';
import { askAdmin } from './admin.ts';
import type { Applications } from './applications.ts';
import type { Stalls } from './clocks.ts';
import type { Container } from './container.ts';
import { readSample } from './metrics.ts';
import type { RealWatch } from './watch.ts';

const PAUSE_MS = 250;

export interface HealingParts {
  readonly watch: RealWatch;
  readonly container: Container;
  readonly applications: Applications;
  readonly stalls: Stalls;
  readonly awaitsRenewals: boolean;
}

/** Waits until every application gets its token, the proxy is ready, and no renewal fails: each within its time. */
export async function awaitHealing({
  watch,
  container,
  applications,
  stalls,
  awaitsRenewals,
}: HealingParts): Promise<void> {
  const calmFromMs = performance.now();
  const stalledMs = stalls.totalMs;
  const isBeyond = (ms: number): boolean =>
    performance.now() - calmFromMs - (stalls.totalMs - stalledMs) > ms + realPromises.busyMs;

  while (watch.breach === undefined) {
    const areServed = container.isUp && (await applications.askAll());
    const readiness = await askAdmin('/readyz');
    const isReady = readiness?.status === 200;
    if (areServed && isReady) break;
    if (isBeyond(promises.healedMs)) {
      const what = areServed ? `not ready (${readiness?.status})` : 'an application has no token';
      watch.break(`${what} ${promises.healedMs} ms after the last fault`);
    }
    await delay(PAUSE_MS);
  }
  while (awaitsRenewals && watch.breach === undefined) {
    const metrics = await askAdmin('/metrics');
    const isKnown = metrics?.status === 200;
    const failing = readSample(metrics?.body ?? '', 'imds_proxy_token_refresh_failing');
    if (isKnown && failing === 0) return;
    if (isBeyond(promises.renewedMs)) {
      watch.break(`${failing} renewals fail ${promises.renewedMs} ms after the last fault`);
    }
    await delay(PAUSE_MS);
  }
}
