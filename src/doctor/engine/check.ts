/** What a check found. Only `fail` makes the doctor's exit code 1. */
export const statuses = ['ok', 'warn', 'fail', 'skip'] as const;
export type Status = (typeof statuses)[number];

/** Facts that a check saw, by name. Never a token, an assertion or a secret. */
export type Evidence = Readonly<Record<string, string | number | boolean>>;

interface Details {
  /** What was seen. Shown below the line of a warning or failure, and always in JSON. */
  readonly evidence?: Evidence | undefined;
  /** Path of a document from the root of the project, with an anchor. */
  readonly docs?: string | undefined;
}

/**
 * The part of a finding that says what to change, in the imperative, with commands to paste. A line each, if there
 * are several.
 */
interface Remedy {
  readonly fix: string;
}

/**
 * What a check found, as one line without a line break. A warning or failure says how to fix it; a skipped
 * check says why, in a clause that begins with "because".
 */
export type Finding =
  | ({
      readonly status: 'ok' | 'skip';
      readonly summary: string;
      readonly fix?: undefined;
    } & Details)
  | ({ readonly status: 'warn' | 'fail'; readonly summary: string } & Details & Remedy);

/** A finding with the check that made it. */
export type CheckResult = Finding & { readonly id: string };

/**
 * One question to the system. Checks are run in order, and each answers for itself. The order is that of
 * causes: the first failure of a run is the likely cause of all the others.
 */
export interface Check {
  /** Lower case with dashes. Scripts and documents refer to it, so it never changes its meaning. */
  readonly id: string;
  /**
   * Ids of earlier checks. If one of them failed, or was itself left out because of a failure, this check
   * would only show the same fault once more: it is not run.
   */
  readonly needs?: readonly string[] | undefined;
  /** Default 10 s. After that the check fails, whatever it waits for. */
  readonly deadlineMs?: number | undefined;
  /** Looks, and changes nothing. @param signal aborts at the deadline */
  readonly run: (signal: AbortSignal) => Promise<Finding>;
}

export function ok(summary: string, details: Details = {}): Finding {
  return { status: 'ok', summary, ...details };
}

export function warn(summary: string, details: Details & Remedy): Finding {
  return { status: 'warn', summary, ...details };
}

export function fail(summary: string, details: Details & Remedy): Finding {
  return { status: 'fail', summary, ...details };
}

/** @param because a clause such as `no HTTP proxy is set` */
export function skip(because: string, details: Details = {}): Finding {
  return { status: 'skip', summary: `because ${because}`, ...details };
}
