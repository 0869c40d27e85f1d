import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Editable, examine, healthyText } from './namespace.ts';

const healthy = parse(healthyText());

/** Every place of a value, as a list of keys. */
function placesOf(value: Editable, path: readonly (string | number)[] = []): (string | number)[][] {
  const own = [[...path]];
  if (typeof value !== 'object' || value === null) return own;
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, part]) => placesOf(part, [...path, key])),
  ];
}

const places = placesOf(healthy.items[0]);

/** The value with another one at a place. */
function replaceAt(
  value: Editable,
  [step, ...rest]: readonly (string | number)[],
  part: unknown,
): Editable {
  if (step === undefined) return part;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[step] = replaceAt(value[step], rest, part);
  return copy;
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    '',
    ' ',
    '\u001b[2J',
    '$(id)',
    '0'.repeat(5_000),
    -1,
    1e308,
    [],
    {},
    [[]],
    [null],
  ),
);

describe('an input that no API server would give out', () => {
  it('is examined all the same, whatever stands wherever in a pod', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...places), odd), { maxLength: 4 }),
        (changes) => {
          let pod = structuredClone(healthy.items[0]);
          for (const [place, part] of changes) {
            // A place can be gone after an earlier change.
            try {
              pod = replaceAt(pod, place, part);
            } catch {}
          }
          const items = [pod, ...healthy.items.slice(1)];
          const results = examine(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
          expect(results.length).toBeGreaterThan(0);
          for (const { summary, fix = '' } of results) {
            expect(`${summary}${fix.replaceAll('\n', '')}`).not.toMatch(/\p{Cc}/u);
            expect(summary.length).toBeLessThan(4_000);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is examined all the same, whatever the objects beside the pods are', () => {
    const kinds = ['ServiceAccount', 'Namespace', 'Event', 'ReplicaSet', 'Job', 'Deployment'];
    const others = ['MutatingWebhookConfiguration', 'UserAssignedIdentity', 'Pod'];
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds, ...others),
        fc.dictionary(
          fc.constantFrom(
            'metadata',
            'spec',
            'status',
            'involvedObject',
            'webhooks',
            'message',
            'reason',
          ),
          odd,
        ),
        (kind, rest) => {
          const object = { apiVersion: 'v1', kind, ...rest };
          const items = [...healthy.items, object];
          expect(() =>
            examine(JSON.stringify({ apiVersion: 'v1', kind: 'List', items })),
          ).not.toThrow();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is examined all the same, whatever the text is', () => {
    const text = healthyText();
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(200), fc.string(), (at, length, insert) => {
        const broken = `${text.slice(0, at)}${insert}${text.slice(at + length)}`;
        expect(examine(broken).length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
