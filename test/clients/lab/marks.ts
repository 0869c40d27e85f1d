import type { Verdict } from './judge.ts';

/** How a verdict is written in a cell. */
export const marks: Readonly<Record<Verdict, string>> = {
  passed: 'ok',
  'gave up': 'error',
  caveat: 'own',
  failed: 'FAIL',
  'not offered': '–',
};
