/** Texts for people are in plain English: the counts of old habits, file by file, only go down. */
import { describe, expect, test } from 'vitest';
import { findExcess, findInProject, listFiles, readCounts } from './files.ts';
import { findHabits } from './habits.ts';

test('no file has more of the habits than it had', () => {
  const found = findInProject();
  const excess = findExcess(found, readCounts(), listFiles()).flatMap((file) =>
    (found.get(file) ?? []).map(
      ({ line, text, instead }) => `${file}:${line}: "${text}"; better: ${instead}`,
    ),
  );
  expect(excess).toEqual([]);
});

describe('the linter', () => {
  test.each([
    ['What a machine cannot run is skipped.', 'What a'],
    ['a token which is to end', 'is to end'],
    ['This is no Kubernetes object', 'is no'],
    ['an API of your own', 'of your own'],
    ['says how to mend it', 'mend'],
    ['// The port has\n// to be free', 'has to'],
    ['The proxy stops, for it is not needed', ', for it is'],
  ])('finds %j', (text, found) => {
    expect(findHabits('x.ts', text).map((one) => one.text)).toEqual([found]);
  });

  test.each([
    'There is no such heading.',
    'It is no longer there.',
    'What is an identity binding?',
    'The answer is to the point.',
    '## What is tested',
    '| What is required | Test |',
  ])('accepts %j', (text) => {
    expect(findHabits('x.md', text)).toEqual([]);
  });

  test('does not look at code in documents', () => {
    expect(findHabits('x.md', '`has to`\n```sh\nhas to\n```\n')).toEqual([]);
  });

  test('lets a moved file keep its count, and no new file have any', () => {
    const one = [{ line: 1, text: 'has to', instead: '' }];
    const found = new Map([['new.md', one]]);
    expect(findExcess(found, { 'old.md': 1 }, ['new.md'])).toEqual([]);
    expect(findExcess(found, { 'old.md': 1 }, ['new.md', 'old.md'])).toEqual(['new.md']);
    expect(findExcess(found, { 'new.md': 1 }, ['new.md'])).toEqual([]);
  });
});
