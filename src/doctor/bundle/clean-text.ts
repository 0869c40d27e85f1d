import { createTextFilter, MAX_TEXT, WITHHELD } from '../../shared/untrusted-text.ts';
import type { Redact } from '../engine/redact.ts';

/** Longer lines are cut. */
const maxLineLength = 4_096;

/** A JWT in base64 once more, wherever in the outer text it begins. */
const encodedToken = /(?:ZXlK|V5S|leUp)[\w+/=-]{40,}/g;

/**
 * Cleans a text of several lines that was not written with care, such as a log.
 * @param tokens whole tokens and assertions; a line with any part of one is withheld
 */
export function createTextCleaner(
  redact: Redact,
  tokens: readonly string[],
): (text: string) => string {
  const toLine = createTextFilter([]);
  const withhold = createTextFilter(tokens);
  const clean = (line: string): string => {
    const short = line.slice(0, maxLineLength).replace(encodedToken, '[redacted]');
    const indent = /^ */.exec(short)?.[0] ?? '';
    return `${indent}${toLine(redact(short), maxLineLength)}`;
  };
  return (text) =>
    toBlocks(text.split('\n').map(clean))
      .flatMap((lines) =>
        // Looking at many lines takes no longer than looking at one.
        withhold(lines.join('\n'), MAX_TEXT) === WITHHELD
          ? lines.map((line) => (withhold(line, MAX_TEXT) === WITHHELD ? WITHHELD : line))
          : lines,
      )
      .join('\n');
}

/** Groups of lines that a filter looks at as a whole. */
function toBlocks(lines: readonly string[]): readonly (readonly string[])[] {
  const blocks: string[][] = [];
  let room = 0;
  for (const line of lines) {
    room -= line.length + 1;
    if (room < 0) {
      blocks.push([]);
      room = MAX_TEXT - line.length - 1;
    }
    blocks.at(-1)?.push(line);
  }
  return blocks;
}
