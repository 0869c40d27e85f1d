import type { Clock } from '../clock.ts';

/** What `promise` becomes, or undefined if that takes longer than `delayMs`; the promise itself goes on. */
export async function settledWithin<T>(
  clock: Clock,
  promise: Promise<T>,
  delayMs: number,
): Promise<T | undefined> {
  let cancel = (): void => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(delayMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
