import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../../src/doctor/engine/check.ts';
import { createTextRenderer } from '../../../src/doctor/output/text.ts';

const checks = [{ id: 'a' }, { id: 'long-name' }];
const plain = { colour: false, verbose: false };

const passed: CheckResult = { id: 'a', status: 'ok', summary: 'good', evidence: { seen: 1 } };
const failed: CheckResult = {
  id: 'long-name',
  status: 'fail',
  summary: 'bad',
  evidence: { seen: 'x', sure: false },
  fix: 'Do this:\naz login\naz logout',
  docs: 'docs/x.md#y',
};

describe('the report as text', () => {
  test('has one line for a check that passed, in columns', () => {
    const text = createTextRenderer(checks, plain);
    expect(text.head('a test')).toBe('proxy doctor, from a test\n\n');
    expect(text.line(passed)).toBe('ok    a          good\n');
  });

  test('has evidence, fix and document below a failure, the commands below each other', () => {
    expect(createTextRenderer(checks, plain).line(failed)).toBe(
      [
        'fail  long-name  bad',
        '                 seen: x',
        '                 sure: false',
        '                 fix: Do this:',
        '                      az login',
        '                      az logout',
        '                 see: docs/x.md#y',
        '',
      ].join('\n'),
    );
  });

  test('--verbose shows the evidence of every check', () => {
    const text = createTextRenderer(checks, { ...plain, verbose: true });
    expect(text.line(passed)).toBe('ok    a          good\n                 seen: 1\n');
  });

  test('colours the status alone, and never moves the columns', () => {
    const text = createTextRenderer(checks, { ...plain, colour: true });
    expect(text.line(passed)).toBe('\u001b[32mok  \u001b[0m  a          good\n');
    expect(text.line(failed).split('\n')[0]).toBe('\u001b[31;1mfail\u001b[0m  long-name  bad');
  });

  test.each([
    [{ ok: 2, warn: 0, fail: 0, skip: 0 }, '2 ok'],
    [{ ok: 0, warn: 1, fail: 2, skip: 3 }, '2 failed, 1 with a warning, 0 ok, 3 skipped'],
  ])('counts %j', (summary, line) => {
    expect(createTextRenderer([], plain).tail({ checks: [], summary })).toBe(`\n${line}\n`);
  });
});
