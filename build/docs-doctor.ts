import { causeOrder, rowOf } from '../src/doctor/files/causes.ts';
import { code, renderTable } from './markdown-table.ts';

/** Every cause that the doctor finds in files, in the order in which it reports causes of equally many pods. */
export function renderFileCauses(): string {
  const rows = causeOrder.map((cause) => {
    const { status, title, docs } = rowOf(cause);
    const page = docs.replace(/^docs\//, '');
    return [code(cause), status, title, `[${page.replace(/#.*/, '')}](${page})`];
  });
  return renderTable(['Check', 'Result', 'Meaning', 'See'], rows);
}
