import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Exchange, IssuedToken } from '../exchange.ts';
import { createRepeatLimit } from '../repeat-limit.ts';
import type { ExchangeBundle } from './bundle.ts';

export interface LoadedExchangeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Loads the bundle and opens the exchange. Takes some 20 ms in which nothing else runs. May throw. */
  readonly load: () => ExchangeBundle;
}

export interface LoadedExchange {
  readonly exchange: Exchange;
  /** Loads the bundle ahead of the first exchange. A failure is logged; the next exchange tries again. */
  preload(): void;
  /**
   * Takes a fault that nothing caught, if it came from within the exchange: a callback, timer or forgotten
   * promise of a library. The exchanges under way fail with ERR_UNAVAILABLE, the bundle and whatever state
   * the fault has left in it are dropped, and the next exchange loads a new one.
   * @returns false if it came from elsewhere.
   */
  containFault(fault: unknown): boolean;
  /** Fails the exchanges under way and closes all connections. */
  close(): Promise<void>;
}

/** How to fail each exchange that one loaded bundle is performing. */
type UnderWay = Set<(error: ProxyError) => void>;

interface Loaded {
  readonly bundle: ExchangeBundle;
  readonly underWay: UnderWay;
}

/**
 * The exchange with its libraries loaded when they are first needed. Errors of the libraries end here: the
 * server must outlive them.
 *
 * Everything that the bundle does, it does in an asynchronous context of this module, which Node carries
 * along to every callback. That is how a fault that reaches the process is told to be the exchange's. The
 * bundle has a copy of every module that it uses, so the server shares no state with it.
 */
export function createLoadedExchange({ clock, logger, load }: LoadedExchangeDeps): LoadedExchange {
  /** Its value tells which of the loaded bundles is running; undefined outside of them. */
  const context = new AsyncLocalStorage<UnderWay>();
  let current: Loaded | undefined;
  // A library that fails does so with every exchange, and again while its bundle is closed.
  const faultMessage = 'the exchange failed outside of any request';
  const faults = createRepeatLimit({ clock, logger }, faultMessage);
  const closingMessage = 'closing the connections to Entra failed';
  const closingFaults = createRepeatLimit({ clock, logger }, closingMessage);

  /** @throws ProxyError if it cannot be loaded. */
  const ensureLoaded = (): Loaded => {
    if (current !== undefined) return current;
    const underWay: UnderWay = new Set();
    try {
      current = { bundle: context.run(underWay, load), underWay };
      return current;
    } catch (thrown) {
      throw toLoadError(thrown);
    }
  };

  const close = async ({ bundle, underWay }: Loaded): Promise<void> => {
    try {
      await context.run(underWay, () => bundle.close());
    } catch (thrown) {
      const fields = describe(thrown);
      if (closingFaults.admits({ level: 'warning', fields, classFields: {} })) {
        logger.log('warning', closingMessage, fields);
      }
    }
  };

  return {
    // Asynchronous, so that a failure to load is a rejection as well.
    async exchange(request, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<IssuedToken>();
      const { bundle, underWay } = ensureLoaded();
      underWay.add(reject);
      context
        .run(underWay, async () => bundle.perform(request, signal))
        .then((outcome) => {
          if (outcome.kind === 'issued') resolve(outcome.token);
          else reject(new ProxyError(outcome.code, outcome.message, outcome.details));
        }, reject)
        .finally(() => underWay.delete(reject));
      return promise;
    },
    preload() {
      try {
        ensureLoaded();
      } catch (thrown) {
        logger.log('warning', (thrown as ProxyError).message);
      }
    },
    containFault(fault) {
      const underWay = context.getStore();
      if (underWay === undefined) return false;
      const fields = describe(fault);
      if (faults.admits({ level: 'error', fields, classFields: {} })) {
        logger.log('error', faultMessage, { ...fields, in_flight: underWay.size });
      }
      for (const reject of underWay) reject(toFaultError());
      // A bundle that has been dropped may continue to fail.
      if (current?.underWay === underWay) {
        void close(current);
        current = undefined;
      }
      return true;
    },
    async close() {
      if (current !== undefined) await close(current);
      faults.flush();
      closingFaults.flush();
    },
  };
}

function toFaultError(): ProxyError {
  return new ProxyError('ERR_UNAVAILABLE', 'the exchange failed outside of any request', {
    description: 'Requesting the token from Microsoft Entra failed inside the proxy.',
    hint: "The error and its stack are in the proxy's log: please report them.",
    retryAfterSeconds: 1,
  });
}

function toLoadError(thrown: unknown): ProxyError {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  const { error, stack } = describe(thrown);
  const what = code ?? error;
  return new ProxyError(
    'ERR_UNAVAILABLE',
    `cannot load the exchange: ${what}${stack === undefined ? '' : ` ${stack}`}`,
    {
      description: `The proxy cannot load the code that requests tokens from Microsoft Entra (${what}).`,
      hint: toLoadHint(code, (thrown as NodeJS.ErrnoException | undefined)?.path),
      retryAfterSeconds: 1,
    },
    { cause: thrown },
  );
}

function toLoadHint(code: string | undefined, path = "a file beside the proxy's own"): string {
  switch (code) {
    case 'EMFILE':
    case 'ENFILE':
      return 'The proxy container or its node has no file descriptors left: raise the limit on open files.';
    case 'EACCES':
    case 'EPERM':
      return `Make ${path} readable for user ${process.getuid?.()}, which the proxy runs as.`;
    case 'ENOENT':
      return `${path} is missing: use a complete image, or build again (npm run build).`;
    default:
      return "Look at the proxy's log; use an image that is complete and was built with its own Node.js.";
  }
}

/** Kind and place of an error. Nothing vouches for the text of an error that is not ours, so it stays out. */
function describe(thrown: unknown): { readonly error: string; readonly stack?: string } {
  if (!(thrown instanceof Error)) return { error: typeof thrown };
  const frames = (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { error: thrown.name, ...(frames.length > 0 && { stack: frames.join('\n') }) };
}
