import type { Clock } from '../clock.ts';
import type { Fault, FaultEffect } from './fault.ts';

/** An active fault, with the rest of its limits. */
export interface ActiveFault extends Fault {
  readonly remainingRequests?: number | undefined;
  readonly remainingMs?: number | undefined;
}

/** What happens to one request. */
export interface Disturbance {
  /** All delays that apply, added up. */
  readonly delayMs: number;
  /** The first other effect that applies. */
  readonly effect: Exclude<FaultEffect, { readonly kind: 'delay' }> | undefined;
}

/** The faults that token requests meet, in the order in which they were added. */
export interface FaultScript {
  add(fault: Fault): void;
  /** Sets these faults in place of all others. */
  replace(faults: readonly Fault[]): void;
  clear(): void;
  list(): readonly ActiveFault[];
  /** The faults for the next request; each that applies has one request less to go. */
  take(request: { readonly clientId: string; readonly resource: string }): Disturbance;
}

interface Entry {
  readonly fault: Fault;
  readonly endsAtMs: number;
  requestsLeft: number;
}

export function createFaultScript({ clock }: { readonly clock: Clock }): FaultScript {
  let entries: readonly Entry[] = [];

  const prune = (): readonly Entry[] => {
    const nowMs = clock.monotonicMs();
    entries = entries.filter(({ endsAtMs, requestsLeft }) => requestsLeft > 0 && nowMs < endsAtMs);
    return entries;
  };
  const toEntry = (fault: Fault): Entry => ({
    fault,
    endsAtMs: clock.monotonicMs() + (fault.durationMs ?? Number.POSITIVE_INFINITY),
    requestsLeft: fault.requests ?? Number.POSITIVE_INFINITY,
  });

  return {
    add(fault) {
      entries = [...entries, toEntry(fault)];
    },
    replace(faults) {
      entries = faults.map(toEntry);
    },
    clear() {
      entries = [];
    },
    list: () =>
      prune().map(({ fault, endsAtMs, requestsLeft }) => ({
        ...fault,
        ...(fault.requests === undefined ? {} : { remainingRequests: requestsLeft }),
        ...(fault.durationMs === undefined ? {} : { remainingMs: endsAtMs - clock.monotonicMs() }),
      })),
    take(request) {
      let delayMs = 0;
      let effect: Disturbance['effect'];
      for (const entry of prune()) {
        if (!applies(entry.fault, request)) continue;
        const { effect: next } = entry.fault;
        if (next.kind === 'delay') delayMs += next.delayMs;
        else if (effect === undefined) effect = next;
        // A fault behind another one waits for its turn.
        else continue;
        entry.requestsLeft -= 1;
      }
      return { delayMs, effect };
    },
  };
}

function applies(
  { clientId, resource }: Fault,
  request: { readonly clientId: string; readonly resource: string },
): boolean {
  return (
    (clientId === undefined || clientId.toLowerCase() === request.clientId.toLowerCase()) &&
    (resource === undefined || resource === request.resource)
  );
}
