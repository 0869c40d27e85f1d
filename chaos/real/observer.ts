/** Looks at the proxy from outside, again and again: kernel, admin port, log and the requests to Entra. */
import { setTimeout as delay } from 'node:timers/promises';
import { type ActiveFaults, type FaultName, faultNames } from '../faults.ts';
import { realPromises } from '../promises.ts';
import { askAdmin } from './admin.ts';
import type { Container } from './container.ts';
import { readSample } from './metrics.ts';
import type { Site } from './site.ts';
import type { RealWatch } from './watch.ts';

const SECOND_MS = 1_000;
const LOOK_MS = SECOND_MS;
const MINUTE_MS = 60 * SECOND_MS;
/** Requests of clients that have given up may arrive for so long after the network works again. */
const LATE_MS = 40 * SECOND_MS;
/** A connection that says nothing is closed by then (SECURITY.md). */
const IDLE_MS = 35 * SECOND_MS;

/** With these, the end of a connection may reach Entra late or not at all. */
const disturbing: readonly FaultName[] = [
  'network/silent',
  'network/reset',
  'network/no-route',
  'network/slow-link',
  'network/lossy-link',
  'network/link-down',
  'network/large-packets-lost',
  // A library that fails leaves connections behind.
  ...faultNames.filter((name) => name.startsWith('libraries/')),
];

export interface ObserverParts {
  readonly site: Site;
  readonly faults: ActiveFaults;
  readonly watch: RealWatch;
  readonly container: Container;
  readonly keys: () => readonly string[];
}

export interface Observer {
  /** The most memory that was seen. */
  readonly memoryBytes: number;
  /** Waits until the connections of applications that have gone are closed. */
  awaitRest(): Promise<void>;
  stop(): Promise<void>;
}

export function startObserver({ site, faults, watch, container, keys }: ObserverParts): Observer {
  let isOver = false;
  let memoryBytes = 0;
  let entries = 0;
  let lateUntilMs = 0;
  let minuteFromMs = performance.now();

  const lookAtPosts = async (): Promise<void> => {
    const nowMs = performance.now();
    if (disturbing.some(faults.has)) lateUntilMs = nowMs + LATE_MS;
    watch.posted(await site.outside.takePosts(), nowMs > lateUntilMs);
  };

  const lookAtAdmin = async (): Promise<void> => {
    const look = watch.beginLook(keys());
    const readiness = await askAdmin('/readyz');
    const metrics = await askAdmin('/metrics');
    if (readiness === undefined || metrics?.status !== 200) return;
    entries = readSample(metrics.body, 'imds_proxy_token_cache_entries');
    look({ readiness: readiness.status, metrics: metrics.body });
  };

  const look = async (): Promise<void> => {
    const measured = container.current?.measure();
    if (measured !== undefined) {
      memoryBytes = Math.max(memoryBytes, measured.bytes);
      watch.measured(measured);
    }
    await lookAtPosts();
    if (container.isUp) await lookAtAdmin();
    if (performance.now() - minuteFromMs < MINUTE_MS) return;
    minuteFromMs = performance.now();
    watch.lookAtRates(entries);
  };

  const looking = (async () => {
    while (!isOver) {
      await delay(LOOK_MS);
      await look();
    }
    watch.lookAtRates(entries);
  })();

  return {
    get memoryBytes() {
      return memoryBytes;
    },
    async awaitRest() {
      const fromMs = performance.now();
      for (;;) {
        const descriptors = container.current?.measure()?.descriptors ?? 0;
        if (descriptors <= realPromises.descriptorsAtRest) return;
        if (performance.now() - fromMs > IDLE_MS + realPromises.busyMs) {
          watch.break(`${descriptors} descriptors after all has healed`);
          return;
        }
        await delay(LOOK_MS);
      }
    },
    async stop() {
      isOver = true;
      await looking;
    },
  };
}
