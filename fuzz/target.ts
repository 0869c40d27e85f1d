import fc from 'fast-check';

/** For how long to look, and from where. */
export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
}

export interface FuzzResult {
  readonly cases: number;
  /** The seed and the shortest input that fails; undefined if none was found. */
  readonly failure: string | undefined;
}

/** Something that is given random input until it fails or the time is over. */
export interface FuzzTarget {
  /** What may be asked for by `--only`. */
  readonly name: string;
  fuzz(options: FuzzOptions): Promise<FuzzResult>;
}

/** Runs a property for so long. What fails is made as short as half a minute allows. */
export async function check<Input>(
  property: fc.IAsyncProperty<Input>,
  { seed, seconds }: FuzzOptions,
): Promise<FuzzResult> {
  const stopAtMs = performance.now() + seconds * 1_000;
  let cases = 0;
  while (performance.now() < stopAtMs) {
    const details = await fc.check(property, {
      seed: seed + cases,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: Math.max(1, stopAtMs - performance.now()),
      markInterruptAsFailure: false,
    });
    cases += details.numRuns;
    if (details.failed && details.counterexample !== null) {
      return { cases, failure: fc.defaultReportMessage(details) ?? 'failed' };
    }
    if (details.interrupted) break;
  }
  return { cases, failure: undefined };
}
