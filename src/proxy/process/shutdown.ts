import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { DEFAULT_DRAIN_DEADLINE_MS } from '../deadlines.ts';
import type { Company } from './pod-sockets.ts';
import type { TerminationSignal } from './signals.ts';

/** The server to stop. */
export interface Drainable {
  /** Requests that are being answered. */
  readonly inFlight: number;
  /** When the last request came, on the monotonic clock; undefined before the first. */
  readonly lastRequestAtMs: number | undefined;
  /** Stops listening and ends idle connections; resolves when the last connection has ended. */
  close(): Promise<void>;
  /** Ends every connection, finished or not. */
  destroyConnections(): void;
}

export interface Shutdown {
  /** True from the first signal on. Requests are still answered then. */
  readonly isDraining: boolean;
  /** The first signal starts the shutdown, the second ends the process at once. */
  signal(name: TerminationSignal): void;
  /** Resolves with the exit code when the process should leave. */
  readonly done: Promise<number>;
}

export interface ShutdownDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: Drainable;
  /** Called at the deadline: answers callers who still wait for an exchange with 503. */
  readonly stopWaiting: () => void;
  /** Whether the application still runs, as far as this process can tell. */
  readonly findCompany: () => Promise<Company>;
}

export interface ShutdownOptions {
  /**
   * Stop when no request has come for so long and nobody else is seen in the pod. 0: stop at once,
   * without looking. Undefined: 250 ms, or 5 s where this process cannot see the pod's sockets.
   */
  readonly quietMs: number | undefined;
  /** When to stop in any case, counted from the signal. Undefined: 25 s, or 1 h while the application is seen. */
  readonly deadlineMs: number | undefined;
}

/**
 * The default quiet time where the sockets of the pod show that nobody is left. A native sidecar gets
 * SIGTERM after all other containers have ended, so a Job must not wait for more than this.
 */
const ALONE_QUIET_MS = 250;

/** The default quiet time where the application cannot be seen. */
const BLIND_QUIET_MS = 5_000;

/**
 * The default deadline while the application is seen. The pod's grace period is not known here; the kubelet
 * enforces it with SIGKILL, which costs the proxy nothing: it holds no state.
 */
const SEEN_DEADLINE_MS = 3_600_000;

/**
 * After the server has closed, how long no request must have been in flight before the remaining
 * connections are cut: those without a whole request, and those whose client reads no answer.
 */
const unfinishedMs = 1_000;

/** The time for the answers at the deadline to reach their clients. */
const flushMs = 250;

/** `/proc` answers in a millisecond; a file system that hangs elsewhere can block Node's file threads. */
const LOOK_DEADLINE_MS = 1_000;

/** How often to look for requests in flight and for the application. */
const pollMs = 250;

/**
 * Decides when to stop after the first signal. In a classic sidecar the application gets the signal at the
 * same time and may need tokens while it shuts down, so the server stays until the application has ended.
 */
export function createShutdown(
  { clock, logger, server, stopWaiting, findCompany }: ShutdownDeps,
  options: ShutdownOptions,
): Shutdown {
  const { promise: done, resolve: leave } = Promise.withResolvers<number>();
  let signalledAtMs: number | undefined;

  const drain = async (startedAtMs: number): Promise<void> => {
    let busyAtMs = startedAtMs;
    let wasSeen = false;
    for (;;) {
      const company = options.quietMs === 0 ? 'nobody' : await lookForCompany();
      const nowMs = clock.monotonicMs();
      wasSeen ||= company === 'somebody';
      if (server.inFlight > 0 || company === 'somebody') busyAtMs = nowMs;
      const quietMs = options.quietMs ?? (company === 'unknown' ? BLIND_QUIET_MS : ALONE_QUIET_MS);
      const deadlineMs =
        options.deadlineMs ?? (wasSeen ? SEEN_DEADLINE_MS : DEFAULT_DRAIN_DEADLINE_MS);
      const untilQuietMs = Math.max(busyAtMs, server.lastRequestAtMs ?? 0) + quietMs - nowMs;
      const untilDeadlineMs = startedAtMs + deadlineMs - nowMs;
      if (untilDeadlineMs <= 0 || untilQuietMs <= 0) {
        await stop(startedAtMs + deadlineMs);
        return;
      }
      const isSettled = company !== 'somebody' && server.inFlight === 0;
      const nextLookMs = isSettled ? untilQuietMs : pollMs;
      await new Promise<void>((resolve) => {
        clock.after(Math.min(nextLookMs, untilDeadlineMs), resolve);
      });
    }
  };

  const lookForCompany = async (): Promise<Company> => {
    let cancel = (): void => {};
    const late = new Promise<Company>((resolve) => {
      cancel = clock.after(LOOK_DEADLINE_MS, () => resolve('unknown'));
    });
    const company = await Promise.race([findCompany(), late]);
    cancel();
    return company;
  };

  const stop = async (deadlineAtMs: number): Promise<void> => {
    logger.log('info', 'shutting down the proxy server', { in_flight: server.inFlight });
    const closed = server.close();
    const cancelCut = cutLater(deadlineAtMs);
    await closed;
    cancelCut();
    leave(0);
  };

  /** Cuts the connections that do not end by themselves. @returns a function that cancels this. */
  const cutLater = (deadlineAtMs: number): (() => void) => {
    let cancel = (): void => {};
    let busyAtMs = clock.monotonicMs();
    const look = (): void => {
      const nowMs = clock.monotonicMs();
      if (server.inFlight > 0) busyAtMs = nowMs;
      const untilDeadlineMs = deadlineAtMs - nowMs;
      const untilCutMs = busyAtMs + unfinishedMs - nowMs;
      if (untilDeadlineMs <= 0) {
        stopWaiting();
        cancel = clock.after(flushMs, () => server.destroyConnections());
      } else if (untilCutMs <= 0) {
        server.destroyConnections();
      } else {
        cancel = clock.after(Math.min(pollMs, untilDeadlineMs), look);
      }
    };
    look();
    return () => cancel();
  };

  return {
    get isDraining() {
      return signalledAtMs !== undefined;
    },
    signal(name) {
      logger.log('info', 'received shutdown signal', { signal: name });
      if (signalledAtMs !== undefined) {
        leave(1);
        return;
      }
      signalledAtMs = clock.monotonicMs();
      void drain(signalledAtMs);
    },
    done,
  };
}
