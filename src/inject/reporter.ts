import type { InjectIo } from './io.ts';
import type { Run } from './parse-command.ts';
import { createTally, type Finding, formatCounts, formatFinding, type Outcome } from './report.ts';

/** Takes findings as they come and reports them as the command line wants it. */
export interface Reporter {
  add(input: string, finding: Finding): void;
  note(text: string): void;
  /** There was no Kubernetes object, and nothing that may be one. */
  readonly isEmpty: boolean;
  /** Ends the report. @returns the exit code of the command. */
  finish(): Promise<number>;
}

export function createReporter(run: Run, io: InjectIo): Reporter {
  const { action, output, report, reportFile, verbose } = run;
  const tally = createTally();
  const isText = report === 'text';
  const objects: object[] | undefined = isText && reportFile === undefined ? undefined : [];
  const namespaces = new Map<string, number>();
  let mayKeepNetRaw = 0;

  const toJson = (): string =>
    `${JSON.stringify({ command: action.kind, output, counts: tally.counts, objects }, undefined, 2)}\n`;
  const summary = (): readonly string[] => {
    const lines: string[] = [];
    if (
      namespaces.size > 0 &&
      action.kind === 'inject' &&
      action.settings.initImage !== undefined
    ) {
      const names = [...namespaces].map(([name, count]) => `${name} (${count})`).join(', ');
      lines.push(`pods need Pod Security level privileged, for NET_ADMIN, in: ${names}`);
    }
    if (mayKeepNetRaw > 0) {
      lines.push(
        `pod templates that keep NET_RAW, by which containers can send packets past the redirect: ${mayKeepNetRaw}; take it away with --drop-net-raw`,
      );
    }
    if (output === 'none') lines.push('dry run: nothing was printed or written');
    if (output === 'check') lines.push('check: nothing was printed or written');
    return lines;
  };

  // Thousands of lines, each written on its own, take longer than the work.
  let pending = '';
  const say = (text: string): void => {
    pending += text;
    if (pending.length >= 16_384) flush();
  };
  const flush = (): void => {
    if (pending !== '') io.stderr(pending);
    pending = '';
  };

  return {
    add(input, finding) {
      const { outcome, subject, place, notes } = finding;
      tally.add(outcome);
      if (isText) say(formatFinding(input, finding, verbose));
      objects?.push({ input, ...place, ...subject, ...toFields(outcome), notes });
      if (outcome.kind !== 'changed' || subject === undefined || action.kind !== 'inject') return;
      const namespace = subject.namespace ?? 'the namespace they are applied to';
      namespaces.set(namespace, (namespaces.get(namespace) ?? 0) + 1);
      const { initImage, dropNetRaw } = action.settings;
      if (initImage !== undefined && !dropNetRaw) mayKeepNetRaw += 1;
    },
    note(text) {
      if (isText) say(`${text}\n`);
    },
    get isEmpty() {
      const { changed, unchanged, skipped, failed } = tally.counts;
      return changed + unchanged + skipped + failed === 0;
    },
    async finish() {
      if (reportFile !== undefined) {
        try {
          await io.writeFile(reportFile, toJson());
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          const outcome: Outcome = { kind: 'failed', error: `it cannot be written: ${reason}` };
          this.add(reportFile, { place: undefined, subject: undefined, outcome, notes: [] });
        }
      }
      if (isText) {
        for (const line of summary()) say(`${line}\n`);
        say(formatCounts(tally.counts));
      } else {
        say(toJson());
      }
      flush();
      if (tally.counts.failed > 0) return 1;
      return output === 'check' && tally.counts.changed > 0 ? 1 : 0;
    },
  };
}

function toFields(outcome: Outcome): object {
  switch (outcome.kind) {
    case 'changed':
      return { outcome: outcome.what };
    case 'failed':
      return { outcome: outcome.kind, reason: outcome.error };
    case 'unchanged':
    case 'skipped':
    case 'ignored':
      return { outcome: outcome.kind, reason: outcome.why };
  }
}
