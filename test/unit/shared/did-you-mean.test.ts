import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countEdits, findSimilar, formatSuggestion } from '../../../src/shared/did-you-mean.ts';

test.each([
  ['alowed-resources', ['allowed-resources']],
  ['ALLOWED_RESOURCES', ['allowed-resources']],
  ['resources', ['allowed-resources']],
  ['port', ['proxy-port', 'admin-port']],
  ['proxy-port-number', ['proxy-port']],
  ['nope', []],
  ['', []],
])('%j suggests %j', (name, expected) => {
  const candidates = ['proxy-port', 'admin-port', 'allowed-resources', 'probe'];
  expect(findSimilar(name, candidates)).toEqual(expected);
});

test('suggestions read as a question', () => {
  expect(formatSuggestion([])).toBeUndefined();
  expect(formatSuggestion(['--a'])).toBe('did you mean --a?');
  expect(formatSuggestion(['--a', '--b'])).toBe('did you mean --a or --b?');
});

test.each([
  ['', '', 0],
  ['a', '', 1],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['abc', 'abxc', 1],
  ['kitten', 'sitting', 3],
])('edits between %j and %j', (a, b, edits) => {
  expect(countEdits(a, b, 9)).toBe(edits);
});

test('property: edits are symmetric, and a limit only cuts them off', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, fc.nat(9), (a, b, most) => {
      const edits = countEdits(a, b, 99);
      expect(countEdits(b, a, 99)).toBe(edits);
      expect(countEdits(a, b, most)).toBe(edits <= most ? edits : most + 1);
      expect(edits === 0).toBe(a === b);
    }),
  );
});
