import { describe, expect, test } from 'vitest';
import {
  behaviours,
  exchangeRequirements,
  findNumberedTests,
  redirectCases,
} from '../../../build/docs-conformance.ts';
import { vectors } from '../imds/vectors.ts';

/** What the laboratory of real client libraries tests, which is not vitest's. */
const inLaboratory: readonly string[] = ['vector 99', 'vector 100'];

const dataVectors = new Set(vectors.map(({ number }) => `vector ${number}`));
const listed = [
  ...dataVectors,
  ...Object.keys(behaviours).map((number) => `vector ${number}`),
  ...Object.keys(exchangeRequirements),
  ...Object.keys(redirectCases).map((number) => `case ${number}`),
];
const tested = new Set(findNumberedTests().flatMap(({ requirements }) => requirements));

describe('the numbers in test titles', () => {
  test('are all on the page', () => {
    expect([...tested].filter((requirement) => !listed.includes(requirement))).toEqual([]);
  });

  test('on the page all have a test', () => {
    const untested = listed.filter((requirement) => !tested.has(requirement));
    expect(untested.filter((it) => !dataVectors.has(it) && !inLaboratory.includes(it))).toEqual([]);
  });

  test('of vectors are complete from 1 to 101', () => {
    const numbers = Array.from({ length: 101 }, (_, index) => `vector ${index + 1}`);
    expect(numbers.filter((number) => !listed.includes(number))).toEqual([]);
  });
});
