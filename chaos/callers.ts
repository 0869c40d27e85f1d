import { type KeyedRequest, toKeyed } from '../src/proxy/token/token-source.ts';
import type { ActiveFaults } from './faults.ts';
import type { PodTime } from './pod-time.ts';
import type { Watch } from './watch.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const tenantId = '11111111-1111-4111-8111-111111111111';
const usualClientId = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const otherClientId = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';

/** The applications of the pod: each has its resource and asks again and again. */
const applications = [
  { resource: 'https://hour.example', everyMs: 20 * SECOND_MS },
  { resource: 'https://day.example', everyMs: MINUTE_MS },
  { resource: 'https://vault.example', everyMs: 5 * MINUTE_MS },
  { resource: 'https://rare-day.example', everyMs: 45 * MINUTE_MS },
] as const;

/** Requests of all applications, as the faults of the group `callers` let them ask. */
export interface Callers {
  start(): void;
  /** What the steady applications ask for now. */
  requests(): readonly KeyedRequest[];
}

/** The requests of the applications of a pod with its usual settings. */
export function toSteadyRequests(clientId: string = usualClientId): readonly KeyedRequest[] {
  return applications.map(({ resource }) => toRequest(resource, clientId));
}

function toRequest(resource: string, clientId: string): KeyedRequest {
  return toKeyed({ identity: { tenantId, clientId }, resource });
}

export function createCallers(
  time: PodTime,
  faults: ActiveFaults,
  watch: Watch,
  random: () => number,
): Callers {
  let serial = 0;

  const toClientId = (): string =>
    faults.has('restart/other-client') ? otherClientId : usualClientId;

  /** At about this interval, for ever. */
  const repeat = (everyMs: number, what: () => void): void => {
    const again = (): void => {
      what();
      time.after(everyMs * (0.8 + 0.4 * random()), again);
    };
    time.after(everyMs * random(), again);
  };

  return {
    start() {
      for (const { resource, everyMs } of applications) {
        repeat(everyMs, () => {
          if (!faults.has('callers/silence')) watch.ask(toRequest(resource, toClientId()));
        });
      }
      repeat(SECOND_MS, () => {
        const request = toRequest(applications[0].resource, toClientId());
        if (faults.has('callers/burst')) {
          for (let caller = 0; caller < 10; caller += 1) watch.ask(request);
        }
        if (faults.has('callers/bypass-loop')) watch.ask(request, { bypassCache: true });
        if (faults.has('callers/thousand-at-once')) {
          const crowd = toRequest(`https://crowd-${serial}.example`, toClientId());
          serial += 1;
          for (let caller = 0; caller < 1_000; caller += 1) {
            watch.ask(crowd, { isCrowd: true });
          }
          faults.end('callers/thousand-at-once');
        }
      });
      repeat(5 * SECOND_MS, () => {
        const isChurn = faults.has('callers/churn');
        if (!isChurn && !faults.has('callers/many-resources')) return;
        const clientId = isChurn ? otherClientId : toClientId();
        const request = toRequest(`https://new-${serial}.example`, clientId);
        serial += 1;
        watch.ask(request, { isCrowd: true });
        time.after(2 * SECOND_MS, () => watch.ask(request, { isCrowd: true }));
      });
    },
    requests: () => toSteadyRequests(toClientId()),
  };
}
