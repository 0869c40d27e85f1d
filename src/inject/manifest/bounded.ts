import type { Value } from './value.ts';

/** Deeper values would exceed the stack of code that follows them. Kubernetes objects have fewer than 30 levels. */
export const MAX_DEPTH = 1_000;

/** Without aliases a value has fewer parts than its text has characters. */
const aliasAllowance = 10_000;

/**
 * Whether code can follow a value to its end: it is not too deep, and aliases do not make it much larger than its
 * text, as a few lines of aliases of aliases can.
 */
export function isBounded(value: Value, text: string): boolean {
  const { length } = text;
  if (length <= MAX_DEPTH && !text.includes('*')) return true;
  const most = length + aliasAllowance;
  let count = 0;
  let level: Value[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return false;
    const next: Value[] = [];
    for (const part of level) {
      if (typeof part !== 'object' || part === null) continue;
      for (const child of Array.isArray(part) ? part : Object.values(part)) {
        count += 1;
        if (count > most) return false;
        if (typeof child === 'object' && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return true;
}
