import type { Logger } from '../shared/logger.ts';
import type { Clock } from './clock.ts';

/** The server that is to be stopped. */
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

export type TerminationSignal = 'SIGTERM' | 'SIGINT';

export interface Shutdown {
  /** True from the first signal on. Requests are still answered then. */
  readonly isDraining: boolean;
  /** Takes note of a signal: the first begins the stop, the second ends it at once. */
  signal(name: TerminationSignal): void;
  /** Resolves with the exit code when the process should leave. */
  readonly done: Promise<number>;
}

export interface ShutdownDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: Drainable;
  /** Called at the deadline: lets those who wait for an exchange have their answer, that there is none. */
  readonly stopWaiting: () => void;
}

export interface ShutdownOptions {
  /** How long no request must have come for the server to stop. */
  readonly quietMs: number;
  /** When it stops in any case, counted from the signal. */
  readonly deadlineMs: number;
}

/**
 * After the close, how long no request must have been in flight for the rest to be cut: connections whose
 * request has not come whole, and answers that nobody reads.
 */
const unfinishedMs = 1_000;

/** How long the answers at the deadline have to get out. */
const flushMs = 250;

/** While requests are in flight, how often to look whether they have ended. */
const busyPollMs = 250;

/**
 * Decides when to stop. In a classic sidecar the application is still working when the signal comes, and
 * may need tokens to finish its work, so the server goes on as long as requests come.
 */
export function createShutdown(
  { clock, logger, server, stopWaiting }: ShutdownDeps,
  { quietMs, deadlineMs }: ShutdownOptions,
): Shutdown {
  const { promise: done, resolve: leave } = Promise.withResolvers<number>();
  let signalledAtMs: number | undefined;

  const drain = (startedAtMs: number): void => {
    let busyAtMs = startedAtMs;
    const look = (): void => {
      const nowMs = clock.monotonicMs();
      if (server.inFlight > 0) busyAtMs = nowMs;
      const quietSinceMs = Math.max(busyAtMs, server.lastRequestAtMs ?? startedAtMs);
      const untilDeadlineMs = startedAtMs + deadlineMs - nowMs;
      const untilQuietMs = quietSinceMs + quietMs - nowMs;
      if (untilDeadlineMs <= 0 || untilQuietMs <= 0) {
        void stop(startedAtMs + deadlineMs);
        return;
      }
      const nextLookMs = server.inFlight > 0 ? busyPollMs : untilQuietMs;
      clock.after(Math.min(nextLookMs, untilDeadlineMs), look);
    };
    look();
  };

  const stop = async (deadlineAtMs: number): Promise<void> => {
    logger.log('info', 'shutting down the proxy server', { in_flight: server.inFlight });
    const closed = server.close();
    const cancelCut = cutLater(deadlineAtMs);
    await closed;
    cancelCut();
    leave(0);
  };

  /** Ends the connections that do not end by themselves. @returns a function that calls it off. */
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
        cancel = clock.after(Math.min(busyPollMs, untilDeadlineMs), look);
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
      drain(signalledAtMs);
    },
    done,
  };
}

/**
 * Hands the process's termination signals to `shutdown`. As process 1 of a container it would otherwise
 * ignore them.
 * @returns a function that undoes it.
 */
export function watchSignals(
  target: Pick<NodeJS.Process, 'on' | 'off'>,
  shutdown: Pick<Shutdown, 'signal'>,
): () => void {
  const onSignal = (name: NodeJS.Signals): void => {
    if (name === 'SIGTERM' || name === 'SIGINT') shutdown.signal(name);
  };
  // Left to Node, this one would open a debugger's port.
  const ignore = (): void => {};
  target.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGUSR1', ignore);
  return () => target.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGUSR1', ignore);
}
