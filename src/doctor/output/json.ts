import type { Report } from '../engine/report.ts';

/** One document. docs/doctor.schema.json describes it. */
export function renderJson({ checks, summary }: Report): string {
  const plain = checks.map(({ id, status, summary: text, evidence, fix, docs }) => ({
    id,
    status,
    summary: text,
    evidence: evidence ?? {},
    ...(fix !== undefined && { fix }),
    ...(docs !== undefined && { docs }),
  }));
  return `${JSON.stringify({ checks: plain, summary }, null, 2)}\n`;
}
