import { constants } from 'node:os';

/** The user ended the program before it was done. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals, message = `interrupted by ${signal}`) {
    super(message);
    this.signal = signal;
  }

  /** The exit code that a shell gives to a program which this signal has ended. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}

/**
 * Rejects with an Interruption at the first signal that asks the program to end, or when nobody reads its
 * output any more. From the call on these signals no longer end the program by themselves, not even the
 * second one: an impatient user must not stop the clean-up.
 */
export function awaitInterruption(): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => reject(new Interruption(signal)));
    }
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', () => reject(new Interruption('SIGPIPE', 'nobody reads the output')));
    }
  });
  // Nobody may be waiting for it yet.
  interrupted.catch(() => {});
  return interrupted;
}
