import type { Check } from './check.ts';

/** Where the doctor looks from, and the checks that it can make there. */
export interface Place {
  /** Continues "proxy doctor, from ", such as `the sidecar (process 1)`. */
  readonly from: string;
  /** In the order in which they are run. */
  readonly checks: readonly Check[];
  /** Values that no output may have, such as the password of an HTTP proxy. */
  readonly secrets: readonly string[];
  /** Called for `--bundle` alone, after the checks. Never rejects. */
  readonly collect?: () => Promise<Collected>;
}

/** More about the place, for a support case. */
export interface Collected {
  readonly files: readonly CollectedFile[];
  /** Whole tokens and assertions that a text may repeat in part. */
  readonly tokens: readonly string[];
}

export interface CollectedFile {
  readonly name: string;
  /** As it was found. It is cleaned of secrets before it goes anywhere. */
  readonly text: string;
}
