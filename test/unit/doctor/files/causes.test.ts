import { describe, expect, it } from 'vitest';
import { causeOrder, rowOf } from '../../../../src/doctor/files/causes.ts';
import { cases } from './causes.ts';
import { examine, healthyText, shopWith } from './namespace.ts';

describe('doctor on files', () => {
  it('finds nothing wrong in a healthy namespace', () => {
    const checks = examine(healthyText());
    expect(checks.filter(({ status }) => status !== 'ok' && status !== 'skip')).toEqual([]);
    expect(checks[0]?.summary).toMatch(/2 pods, .* 2 ServiceAccounts/);
  });

  it.each(cases)('names the cause first: $title', ({ change, cause, says, fix }) => {
    const checks = examine(shopWith(change));
    const first = checks.find(({ status }) => status === rowOf(cause).status);
    expect(first).toMatchObject({
      id: cause,
      summary: expect.stringMatching(says),
      fix: expect.stringMatching(fix),
    });
    // A warning is not the whole story if something fails as well.
    if (rowOf(cause).status === 'warn')
      expect(checks.some(({ status }) => status === 'fail')).toBe(false);
    else expect(checks[0]).toBe(first);
  });

  it('has a case for every cause', () => {
    const covered = new Set(cases.map(({ cause }) => cause));
    expect(causeOrder.filter((cause) => !covered.has(cause))).toEqual([]);
  });
});
