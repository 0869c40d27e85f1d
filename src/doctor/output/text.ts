import type { Check, CheckResult, Evidence, Status } from '../engine/check.ts';
import type { Report } from '../engine/report.ts';

export interface TextOptions {
  /** Colours for a terminal. */
  readonly colour: boolean;
  /** Shows the evidence of checks that passed as well. */
  readonly verbose: boolean;
}

/** Renders a run for people: one line a check, with the details of warnings and failures below it. */
export interface TextRenderer {
  /** @param from where the doctor looks from, such as `the sidecar` */
  head(from: string): string;
  line(result: CheckResult): string;
  tail(report: Report): string;
}

const colours: Readonly<Record<Status, string>> = {
  ok: '32',
  warn: '33',
  fail: '31;1',
  skip: '2',
};

const statusWidth = 4;

/** @param checks all that will be run, for the width of the column of names */
export function createTextRenderer(
  checks: readonly Pick<Check, 'id'>[],
  { colour, verbose }: TextOptions,
): TextRenderer {
  const idWidth = Math.max(...checks.map(({ id }) => id.length), 0);
  const margin = ' '.repeat(statusWidth + 2 + idWidth + 2);
  const paint = (status: Status, text: string): string =>
    colour ? `\u001b[${colours[status]}m${text}\u001b[0m` : text;

  return {
    head: (from) => `proxy doctor, from ${from}\n\n`,
    line(result) {
      const { id, status, summary } = result;
      const first = `${paint(status, status.padEnd(statusWidth))}  ${id.padEnd(idWidth)}  ${summary}\n`;
      const isShort = status === 'ok' || status === 'skip';
      if (isShort && !verbose) return first;
      return (
        first +
        toDetails(result)
          .map((detail) => `${margin}${detail}\n`)
          .join('')
      );
    },
    tail({ summary: { fail, warn, ok, skip } }) {
      const counts = [
        fail > 0 && paint('fail', `${fail} failed`),
        warn > 0 && paint('warn', `${warn} with a warning`),
        `${ok} ok`,
        skip > 0 && `${skip} skipped`,
      ];
      return `\n${counts.filter(Boolean).join(', ')}\n`;
    },
  };
}

function toDetails({ evidence = {}, fix, docs }: CheckResult): readonly string[] {
  return [
    ...formatEvidence(evidence),
    ...(fix === undefined ? [] : `fix: ${fix}`.split('\n').map(indentFurther)),
    ...(docs === undefined ? [] : [`see: ${docs}`]),
  ];
}

/** Further lines stand below the text of the first. */
function indentFurther(line: string, index: number): string {
  return index === 0 ? line : `     ${line}`;
}

function formatEvidence(evidence: Evidence): readonly string[] {
  return Object.entries(evidence).map(([name, value]) => `${name}: ${value}`);
}
