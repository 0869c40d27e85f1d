import type { Diagnosis } from './doctor.ts';

/** Collects the answer of the doctor to each cause, for people to read. */
export interface PrintedTable {
  /** Notes the first check that failed. A second run of a test replaces its row. */
  add(cause: string, diagnosis: Diagnosis): void;
  /** A Markdown table, by the name of the cause. The same for every run. */
  render(): string;
}

export function createPrintedTable(): PrintedTable {
  const rows = new Map<string, string>();
  return {
    add(cause, { first }) {
      const cells = [`\`${first?.id}\``, toCell(first?.summary), toCell(first?.fix)];
      rows.set(cause, `| ${cause} | ${cells.join(' | ')} |`);
    },
    render() {
      const lines = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
      return `${['| Cause | Check | Printed | Fix |', '| --- | --- | --- | --- |', ...lines].join('\n')}\n`;
    },
  };
}

/** One line, without the values that differ from run to run. */
function toCell(text = ''): string {
  return text
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'GUID')
    .replace(/\b(127\.0\.0\.1|\blogin\.test):\d+/g, '$1:PORT')
    .replace(/\bport \d{5}\b/g, 'port PORT')
    .replace(/\/tmp\/[\w./-]+\/([\w.-]+)/g, '/…/$1')
    .replace(/(\bprocess|-CONT) \d+/g, '$1 PID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/ Trace ID: .*/g, '')
    .replace(/--pid=\d+/g, '--pid=PID')
    .replace(/(emulator CA) [\da-f]{8}/g, '$1')
    .replaceAll('|', '\\|')
    .replaceAll('\n', '<br>');
}
