import { structuredPatch } from 'diff';
import type { Piece } from './filter-document.ts';

/** Lines around a change. */
const context = 3;

/**
 * The changed pieces of a file as a unified diff; empty if nothing changed. It is made piece by piece, so that
 * its cost does not grow with the square of the file.
 */
export function formatDiff(name: string, pieces: readonly Piece[]): string {
  let shift = 0;
  const hunks: string[] = [];
  for (const { before, after, line } of pieces) {
    if (before === after) continue;
    const patch = structuredPatch('', '', before, after, undefined, undefined, { context });
    for (const { oldStart, oldLines, newStart, newLines, lines } of patch.hunks) {
      const from = oldStart + line - 1;
      const to = newStart + line - 1 + shift;
      hunks.push(`@@ -${from},${oldLines} +${to},${newLines} @@\n${lines.join('\n')}\n`);
    }
    shift += countLines(after) - countLines(before);
  }
  return hunks.length === 0 ? '' : `--- ${name}\n+++ ${name}\n${hunks.join('')}`;
}

function countLines(text: string): number {
  return text.split('\n').length;
}
