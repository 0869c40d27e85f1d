import { type FindingCode, findingCodes } from './finding-codes.ts';
import type { Finding, PlacedFinding } from './plan.ts';

/** A finding with the level of its code. Both texts are without a full stop. */
export function toFinding(code: FindingCode, message: string, fix: string): Finding {
  return { code, level: findingCodes[code].level, message, fix };
}

export function placeFinding(
  finding: Finding,
  place?: { readonly file: string; readonly line: number },
): PlacedFinding {
  return { ...finding, file: place?.file ?? null, line: place?.line ?? null };
}
