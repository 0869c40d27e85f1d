import { renderTable } from '../markdown-table.ts';
import { alerts } from './alerts.ts';
import { toRunbookFile } from './rule.ts';

/** The alerts as docs/monitoring.md lists them. */
export function renderAlerts(): string {
  const rows = alerts.map(
    ({ alert, severity, for: wait = '0m', summary, needsKubeStateMetrics }) => [
      `[${alert}](${toRunbookFile(alert).replace('docs/', '')})${needsKubeStateMetrics === true ? ' ¹' : ''}`,
      severity,
      wait,
      toPlain(summary),
    ],
  );
  return renderTable(['Alert', 'Severity', 'After', 'Meaning'], rows);
}

/** The summary without its template. */
function toPlain(summary: string): string {
  return summary
    .replaceAll('namespace {{ $labels.namespace }}', 'a namespace')
    .replaceAll('{{ $labels.reason }}', 'with the reason');
}
