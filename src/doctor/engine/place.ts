import type { Check } from './check.ts';

/** Where the doctor looks from, and the checks that it can make there. */
export interface Place {
  /** Continues "proxy doctor, from ", such as `the sidecar (process 1)`. */
  readonly from: string;
  /** In the order in which they are run. */
  readonly checks: readonly Check[];
  /** Values that no output may have, such as the password of an HTTP proxy. */
  readonly secrets: readonly string[];
}
