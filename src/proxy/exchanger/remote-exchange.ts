import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Exchange, ExchangeRequest, IssuedToken } from '../exchange.ts';
import { cannotStart, diedTwice, shuttingDown, stuck } from './exchanger-errors.ts';
import type { Command, Reply } from './messages.ts';

/** A running exchanger process, as the server sees it. */
export interface ExchangerProcess {
  send(command: Command): void;
  /** Lets it leave: it ends when it has read all that was sent. */
  end(): void;
  /** Ends it at once. */
  kill(): void;
}

/** What the server hears of an exchanger process. `exited` comes once. */
export interface ExchangerEvents {
  reply(reply: Reply): void;
  exited(reason: string): void;
}

/** @throws the system's error if it cannot even be tried. */
export type StartExchanger = (events: ExchangerEvents) => ExchangerProcess;

export interface RemoteExchangeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly start: StartExchanger;
  /** Called when the process has been let go for want of work: a quiet moment. */
  readonly onRest?: () => void;
}

/**
 * When a process that has said nothing counts as stuck. By their own deadlines exchanges end before, and a
 * caller still has an answer within 25 s.
 */
export const STUCK_AFTER_MS = 24_500;

export interface RemoteExchangeLimits {
  /** How long the process stays after its last work. */
  readonly lingerMs: number;
  /**
   * An exchange that takes longer than this is a stuck process, not a slow Entra: the exchanger's own
   * deadline ends before it.
   */
  readonly stuckAfterMs: number;
}

export interface RemoteExchange {
  readonly exchange: Exchange;
  /** Starts the process ahead of need; it leaves after the linger time if nothing is asked of it. */
  prestart(): void;
  /** Ends the process; exchanges in flight fail with ERR_SHUTTING_DOWN. */
  stop(): void;
}

interface Job {
  readonly request: ExchangeRequest;
  readonly resolve: (token: IssuedToken) => void;
  readonly reject: (error: ProxyError) => void;
  /** The one that it was last given to. */
  process: ExchangerProcess | undefined;
  /** A process that dies takes its work with it; that work is given to the next one, once. */
  wasResent: boolean;
}

/**
 * Performs exchanges in a process of its own, so that the server never loads the libraries that they need.
 * The process starts with the first work, serves all exchanges in flight, and leaves some time after the
 * last one. The server decides when it leaves: with the timer on the other side, a request could meet a
 * process that is just leaving, and Entra would be asked twice.
 */
export function createRemoteExchange(
  { clock, logger, start, onRest }: RemoteExchangeDeps,
  { lingerMs, stuckAfterMs }: RemoteExchangeLimits,
): RemoteExchange {
  const jobs = new Map<number, Job>();
  let current: ExchangerProcess | undefined;
  let cancelLinger = (): void => {};
  let lastId = 0;
  let isStopped = false;

  const ensureProcess = (): ExchangerProcess => {
    cancelLinger();
    if (current !== undefined) return current;
    const started: ExchangerProcess = start({
      reply: settle,
      exited: (reason) => {
        if (current === started) onDeath(reason);
      },
    });
    current = started;
    return started;
  };

  /** Gives a job to the process; without one the job has failed. */
  const assign = (id: number, job: Job): void => {
    try {
      job.process = ensureProcess();
    } catch (thrown) {
      jobs.delete(id);
      job.reject(cannotStart(thrown));
      return;
    }
    job.process.send({ type: 'exchange', id, request: job.request });
  };

  const rest = (): void => {
    cancelLinger();
    if (jobs.size > 0 || current === undefined) return;
    cancelLinger = clock.after(lingerMs, () => {
      logger.log('debug', 'exchanger has no work left and ends');
      const leaving = current;
      current = undefined;
      leaving?.end();
      onRest?.();
    });
  };

  const settle = (reply: Reply): void => {
    const job = jobs.get(reply.id);
    if (job === undefined) return;
    jobs.delete(reply.id);
    if (reply.type === 'issued') job.resolve(reply.token);
    else job.reject(new ProxyError(reply.error.code, reply.error.message, reply.error.details));
    rest();
  };

  const onDeath = (reason: string): void => {
    current = undefined;
    cancelLinger();
    logger.log('warning', 'exchanger ended unexpectedly', { reason, in_flight: jobs.size });
    for (const [id, job] of jobs) {
      if (job.wasResent) {
        jobs.delete(id);
        job.reject(diedTwice(reason));
      } else {
        job.wasResent = true;
        assign(id, job);
      }
    }
  };

  const exchange: Exchange = (request, signal) =>
    new Promise((resolve, reject) => {
      if (isStopped || signal.aborted) {
        reject(isStopped ? shuttingDown() : signal.reason);
        return;
      }
      lastId += 1;
      const id = lastId;
      const forget = (): void => {
        cancelDeadline();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        forget();
        jobs.delete(id);
        current?.send({ type: 'cancel', id });
        reject(signal.reason);
        rest();
      };
      const cancelDeadline = clock.after(stuckAfterMs, () => {
        jobs.delete(id);
        job.reject(stuck(stuckAfterMs));
        if (job.wasResent) {
          // It may have had the job for a moment only, and has the work of others to do.
          job.process?.send({ type: 'cancel', id });
          rest();
        } else {
          // Its `exited` starts another for the work of the others.
          job.process?.kill();
        }
      });
      signal.addEventListener('abort', onAbort, { once: true });
      const job: Job = {
        request,
        resolve: (token) => {
          forget();
          resolve(token);
        },
        reject: (error) => {
          forget();
          reject(error);
        },
        process: undefined,
        wasResent: false,
      };
      jobs.set(id, job);
      assign(id, job);
    });

  return {
    exchange,
    prestart() {
      if (isStopped) return;
      try {
        ensureProcess();
      } catch (thrown) {
        logger.log('warning', cannotStart(thrown).message);
      }
      rest();
    },
    stop() {
      isStopped = true;
      cancelLinger();
      const leaving = current;
      current = undefined;
      leaving?.kill();
      for (const job of jobs.values()) job.reject(shuttingDown());
      jobs.clear();
    },
  };
}
