import { type CheckResult, type Status, statuses } from './check.ts';

/** All results of a run, as `--output json` prints them. docs/doctor.schema.json describes it. */
export interface Report {
  readonly checks: readonly CheckResult[];
  /** How many checks had each status. */
  readonly summary: Readonly<Record<Status, number>>;
}

export function toReport(checks: readonly CheckResult[]): Report {
  const count = (wanted: Status): number => checks.filter(({ status }) => status === wanted).length;
  return {
    checks,
    summary: Object.fromEntries(statuses.map((status) => [status, count(status)])) as Record<
      Status,
      number
    >,
  };
}

/** 0: nothing fails. 1: something does. A malformed command line has 2. */
export function toExitCode({ summary }: Report): 0 | 1 {
  return summary.fail > 0 ? 1 : 0;
}
