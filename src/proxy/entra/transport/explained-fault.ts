/** Why there was no answer, as far as it is known, for the client and the log. */
export interface Fault {
  readonly means: 'ERR_UNAVAILABLE' | 'ERR_TIMEOUT';
  readonly description: string;
  readonly hint: string;
  readonly retry: 'none' | 'transient';
}

const faults = new WeakMap<Error, Fault>();

/** An error for a transport to throw that knows more of its cause than a code can say. */
export function explainFault(fault: Fault, cause?: unknown): Error {
  const error = new Error(fault.description, { cause });
  faults.set(error, fault);
  return error;
}

/** What `explainFault` was told. */
export function findExplanation(thrown: unknown): Fault | undefined {
  return thrown instanceof Error ? faults.get(thrown) : undefined;
}
