import type { Clock } from '../../proxy/clock.ts';
import { withDeadline } from '../../proxy/deadlines.ts';
import { type Check, type CheckResult, type Finding, fail, skip } from './check.ts';
import type { Redact } from './redact.ts';

/** A check that sets no deadline has this one. */
export const defaultCheckDeadlineMs = 10_000;

/** The header of a hostile peer may have 16 KiB. */
const maxEvidenceLength = 2_000;

export interface RunDeps {
  /** Its timers must keep the process alive: a check may wait for nothing else. */
  readonly clock: Clock;
  /** Applied to every text of a finding, as the last line of defence. */
  readonly redact: Redact;
  /** Called with each result as soon as it is known. */
  readonly onResult?: ((result: CheckResult) => void) | undefined;
}

/** Runs the checks one after the other. Never rejects: a check that throws has failed. */
export async function runChecks(
  checks: readonly Check[],
  { clock, redact, onResult }: RunDeps,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  /** Checks without a good result, each with the failed check that is behind it. */
  const causes = new Map<string, string>();
  for (const check of checks) {
    const cause = (check.needs ?? []).map((id) => causes.get(id)).find((id) => id !== undefined);
    const finding = cause === undefined ? await runOne(check, clock) : skip(`${cause} failed`);
    if (cause !== undefined) causes.set(check.id, cause);
    else if (finding.status === 'fail') causes.set(check.id, check.id);
    const result = { id: check.id, ...redactFinding(finding, redact) };
    results.push(result);
    onResult?.(result);
  }
  return results;
}

async function runOne(
  { id, deadlineMs = defaultCheckDeadlineMs, run }: Check,
  clock: Clock,
): Promise<Finding> {
  const late = new Error('the deadline of the check');
  const deadline = { afterMs: deadlineMs, toError: () => late };
  try {
    return await withDeadline(clock, deadline, new AbortController().signal, run);
  } catch (thrown) {
    if (thrown === late) {
      return fail(`no result within ${deadlineMs / 1_000} s`, {
        fix: 'Run it again. If the result is the same, the file system or the network hangs.',
      });
    }
    const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return fail(`the check itself failed (${what})`, {
      fix: `This is a bug of the doctor: please report it with the name of the check, ${id}.`,
    });
  }
}

function redactFinding(finding: Finding, redact: Redact): Finding {
  const { evidence, fix } = finding;
  const clean = {
    ...finding,
    summary: redact(finding.summary),
    ...(evidence !== undefined && {
      evidence: Object.fromEntries(
        // Names may come from a peer as well.
        Object.entries(evidence).map(([name, value]) => [
          redact(name).slice(0, maxEvidenceLength),
          typeof value === 'string' ? redact(value).slice(0, maxEvidenceLength) : value,
        ]),
      ),
    }),
    // The only text with several lines: each is a command or a sentence.
    ...(fix !== undefined && { fix: fix.split('\n').map(redact).join('\n') }),
  };
  // A spread of a union loses which member it was.
  return clean as Finding;
}
