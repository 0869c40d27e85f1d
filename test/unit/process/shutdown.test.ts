import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Company } from '../../../src/proxy/process/pod-sockets.ts';
import {
  createShutdown,
  type Drainable,
  type ShutdownOptions,
} from '../../../src/proxy/process/shutdown.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const options = { quietMs: 5_000, deadlineMs: 25_000 };
const defaults: ShutdownOptions = { quietMs: undefined, deadlineMs: undefined };

interface FakeServer extends Drainable {
  inFlight: number;
  lastRequestAtMs: number | undefined;
}

/** A shutdown over a server whose requests and connections the test ends by hand. */
function setUp(chosen: ShutdownOptions = options) {
  const clock = createManualClock();
  const events: string[] = [];
  const messages: string[] = [];
  let connectionsEnded = (): void => {};
  const server: FakeServer = {
    inFlight: 0,
    lastRequestAtMs: undefined,
    close() {
      events.push('close');
      return new Promise((resolve) => {
        connectionsEnded = resolve;
      });
    },
    destroyConnections() {
      events.push('destroy');
      connectionsEnded();
    },
  };
  const logger: Logger = {
    isEnabled: () => true,
    log: (_level, message) => messages.push(message),
  };
  const stopWaiting = (): void => {
    events.push('stop waiting');
  };
  const pod: { company: Company; looks: number; isHung: boolean } = {
    company: 'unknown',
    looks: 0,
    isHung: false,
  };
  const findCompany = (): Promise<Company> => {
    pod.looks += 1;
    return pod.isHung ? new Promise(() => {}) : Promise.resolve(pod.company);
  };
  const shutdown = createShutdown({ clock, logger, server, stopWaiting, findCompany }, chosen);
  let exitCode: number | undefined;
  void shutdown.done.then((code) => {
    exitCode = code;
  });
  return {
    clock,
    server,
    shutdown,
    pod,
    events,
    messages,
    endConnections: () => connectionsEnded(),
    request(): void {
      server.lastRequestAtMs = clock.monotonicMs();
    },
    exitCode: () => exitCode,
  };
}

describe('96: the first signal', () => {
  test('changes nothing before it comes', async () => {
    const { clock, shutdown, events } = setUp();
    await clock.advance(3_600_000);
    expect(shutdown.isDraining).toBe(false);
    expect(events).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('keeps the server open for 5 s of quiet, then closes it and exits 0', async () => {
    const { clock, shutdown, events, messages, endConnections, exitCode } = setUp();
    shutdown.signal('SIGTERM');
    expect(shutdown.isDraining).toBe(true);
    await clock.advance(4_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close']);
    expect(exitCode()).toBeUndefined();
    endConnections();
    await clock.advance(0);
    expect(exitCode()).toBe(0);
    expect(messages).toEqual(['received shutdown signal', 'shutting down the proxy server']);
  });

  test('counts the quiet from the signal, however long ago the last request was', async () => {
    const { clock, shutdown, events, request } = setUp();
    request();
    await clock.advance(60_000);
    shutdown.signal('SIGINT');
    await clock.advance(4_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close']);
  });

  test('continues as long as requests come', async () => {
    const { clock, shutdown, events, request } = setUp();
    shutdown.signal('SIGTERM');
    for (let count = 0; count < 4; count += 1) {
      await clock.advance(4_000);
      request();
    }
    await clock.advance(4_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close']);
  });

  test('but not longer than 25 s, when it cuts the rest', async () => {
    const { clock, shutdown, events, request, exitCode } = setUp();
    shutdown.signal('SIGTERM');
    for (let count = 0; count < 24; count += 1) {
      await clock.advance(1_000);
      request();
    }
    await clock.advance(999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close', 'stop waiting']);
    await clock.advance(250);
    expect(events).toEqual(['close', 'stop waiting', 'destroy']);
    expect(exitCode()).toBe(0);
  });

  test('waits for requests in flight, which do not count as quiet', async () => {
    const { clock, server, shutdown, events } = setUp();
    server.inFlight = 1;
    shutdown.signal('SIGTERM');
    await clock.advance(10_000);
    expect(events).toEqual([]);
    server.inFlight = 0;
    await clock.advance(4_500);
    expect(events).toEqual([]);
    await clock.advance(750);
    expect(events).toEqual(['close']);
  });

  test('callers who still wait at 25 s are told so, and have a moment to read it', async () => {
    const { clock, server, shutdown, events, endConnections, exitCode } = setUp();
    server.inFlight = 1;
    shutdown.signal('SIGTERM');
    await clock.advance(24_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close', 'stop waiting']);
    expect(exitCode()).toBeUndefined();
    endConnections();
    await clock.advance(0);
    expect(exitCode()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a request that never ends is cut 250 ms later', async () => {
    const { clock, server, shutdown, events, exitCode } = setUp();
    server.inFlight = 1;
    shutdown.signal('SIGTERM');
    await clock.advance(25_249);
    expect(events).toEqual(['close', 'stop waiting']);
    await clock.advance(1);
    expect(events).toEqual(['close', 'stop waiting', 'destroy']);
    expect(exitCode()).toBe(0);
  });

  test('a connection without a whole request is cut a second after the close', async () => {
    const { clock, shutdown, events, exitCode } = setUp();
    shutdown.signal('SIGTERM');
    await clock.advance(5_999);
    expect(events).toEqual(['close']);
    expect(exitCode()).toBeUndefined();
    await clock.advance(1);
    expect(events).toEqual(['close', 'destroy']);
    expect(exitCode()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a request that came with the close is waited for before the others are cut', async () => {
    const { clock, server, shutdown, events } = setUp();
    shutdown.signal('SIGTERM');
    await clock.advance(5_100);
    server.inFlight = 1;
    await clock.advance(10_000);
    expect(events).toEqual(['close']);
    server.inFlight = 0;
    await clock.advance(749);
    expect(events).toEqual(['close']);
    await clock.advance(501);
    expect(events).toEqual(['close', 'destroy']);
  });

  test('but not beyond 25 s either', async () => {
    const { clock, server, shutdown, events } = setUp();
    shutdown.signal('SIGTERM');
    await clock.advance(5_100);
    server.inFlight = 1;
    await clock.advance(19_899);
    expect(events).toEqual(['close']);
    await clock.advance(251);
    expect(events).toEqual(['close', 'stop waiting', 'destroy']);
  });
});

describe('without settings, by whether the application is seen', () => {
  test('stops 250 ms after SIGTERM when nobody else is in the pod, as after a Job', async () => {
    const { clock, shutdown, pod, events } = setUp(defaults);
    pod.company = 'nobody';
    shutdown.signal('SIGTERM');
    await clock.advance(249);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close']);
  });

  test('serves for as long as the application runs, and stops 250 ms after it has ended', async () => {
    const { clock, shutdown, pod, events } = setUp(defaults);
    pod.company = 'somebody';
    shutdown.signal('SIGTERM');
    await clock.advance(595_000);
    expect(events).toEqual([]);
    pod.company = 'nobody';
    await clock.advance(249);
    expect(events).toEqual([]);
    await clock.advance(251);
    expect(events).toEqual(['close']);
  });

  test('an application that never ends is left after an hour', async () => {
    const { clock, shutdown, pod, events } = setUp(defaults);
    pod.company = 'somebody';
    shutdown.signal('SIGTERM');
    await clock.advance(3_599_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toBe('close');
  });

  test('a deadline that was set holds in any case', async () => {
    const { clock, shutdown, pod, events } = setUp({ ...defaults, deadlineMs: 595_000 });
    pod.company = 'somebody';
    shutdown.signal('SIGTERM');
    await clock.advance(594_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toBe('close');
  });

  test('where it cannot see the application, it stops after 5 s without a request', async () => {
    const { clock, shutdown, events } = setUp(defaults);
    shutdown.signal('SIGTERM');
    await clock.advance(4_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['close']);
  });

  test('where it cannot see the application, it stops after 25 s of requests', async () => {
    const { clock, shutdown, events, request } = setUp(defaults);
    shutdown.signal('SIGTERM');
    for (let count = 0; count < 24; count += 1) {
      await clock.advance(1_000);
      request();
    }
    await clock.advance(999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toBe('close');
  });

  test('a look that takes over a second counts as not seen, and does not hold the shutdown', async () => {
    const { clock, shutdown, pod, events } = setUp(defaults);
    pod.isHung = true;
    shutdown.signal('SIGTERM');
    await clock.advance(7_000);
    expect(events[0]).toBe('close');
  });

  test('--drain-quiet=0 stops at once and does not look', async () => {
    const { clock, shutdown, pod, events } = setUp({ ...defaults, quietMs: 0 });
    pod.company = 'somebody';
    shutdown.signal('SIGTERM');
    await clock.advance(0);
    expect(events).toEqual(['close']);
    expect(pod.looks).toBe(0);
  });
});

describe('the second signal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s exits at once with 1', async (name) => {
    const { clock, shutdown, exitCode } = setUp();
    shutdown.signal('SIGTERM');
    await clock.advance(100);
    shutdown.signal(name);
    await clock.advance(0);
    expect(exitCode()).toBe(1);
  });

  test('also while connections are being closed', async () => {
    const { clock, shutdown, events, exitCode } = setUp();
    shutdown.signal('SIGTERM');
    await clock.advance(5_000);
    expect(events).toEqual(['close']);
    shutdown.signal('SIGTERM');
    await clock.advance(0);
    expect(exitCode()).toBe(1);
  });
});

test('property: it ends by the deadline, never while a request came within the quiet time before', async () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(arrivals, async (times) => {
      const { clock, shutdown, events, request, endConnections } = setUp();
      const startMs = clock.monotonicMs();
      shutdown.signal('SIGTERM');
      let lastMs = 0;
      for (const atMs of times.toSorted((a, b) => a - b)) {
        await clock.advance(startMs + atMs - clock.monotonicMs());
        if (events.length > 0) break;
        request();
        lastMs = atMs;
      }
      const expectedMs = Math.min(lastMs + options.quietMs, options.deadlineMs);
      if (clock.monotonicMs() - startMs < expectedMs) {
        await clock.advance(startMs + expectedMs - 1 - clock.monotonicMs());
        expect(events).toEqual([]);
        await clock.advance(1);
      }
      expect(events[0]).toBe('close');
      endConnections();
    }),
    { numRuns: 30 },
  );
});
