import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDraft, type Draft } from '../../../src/inject/pod/draft.ts';
import { isInjected, undoInjection } from '../../../src/inject/pod/record.ts';

const keys = fc.constantFrom('a', 'b', 'c/d', 'e~f', 'g');
const entries = fc.dictionary(keys, fc.constantFrom('1', '2'), { noNullPrototype: true });
const lists = fc.uniqueArray(
  keys.map((name) => ({ name })),
  { selector: ({ name }) => name },
);
const templates = fc
  .tuple(
    fc.option(
      fc.record(
        { labels: fc.option(entries), annotations: entries },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
    fc.record(
      { initContainers: fc.option(lists), containers: lists, volumes: lists },
      { requiredKeys: ['containers'], noNullPrototype: true },
    ),
  )
  .map(([metadata, spec]) => (metadata === null ? { spec } : { metadata, spec }));

type Change = (draft: Draft) => void;
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.constantFrom('labels', 'annotations'), keys, fc.constantFrom('1', '3')).map(
    ([map, key, value]): Change =>
      (draft) =>
        draft.setEntry(['metadata', map], key, value),
  ),
  fc.tuple(fc.constantFrom('labels', 'annotations'), keys).map(
    ([map, key]): Change =>
      (draft) =>
        draft.removeEntry(['metadata', map], key),
  ),
  fc
    .tuple(
      fc.constantFrom('initContainers', 'containers', 'volumes'),
      fc.nat({ max: 3 }),
      fc.constantFrom('new', 'x/y', '~1'),
    )
    .map(
      ([list, index, name]): Change =>
        (draft) =>
          draft.addItem(['spec', list], index, { name }),
    ),
);
/** No change meets what another one did: an injection does not touch anything twice. */
const manyChanges = fc.uniqueArray(
  changes.map((change) => ({ change, trace: trace(change) })),
  {
    selector: (each) => each.trace,
  },
);

/** Which part a change is about. */
function trace(change: Change): string {
  let part = '';
  change({
    addItem: (list, _, item) => {
      part = [...list, typeof item === 'string' ? item : item.name].join();
    },
    setEntry: (map, key) => {
      part = [...map, key].join();
    },
    removeEntry: (map, key) => {
      part = [...map, key].join();
    },
    seal: () => ({}),
  });
  return part;
}

describe('the record of an injection', () => {
  it('undoes any changes, down to the order of keys', () => {
    fc.assert(
      fc.property(templates, manyChanges, (template, all) => {
        const draft = createDraft(template);
        for (const { change } of all) change(draft);
        const sealed = draft.seal({});
        expect(isInjected(sealed)).toBe(true);
        expect(JSON.stringify(undoInjection(sealed))).toBe(JSON.stringify(template));
      }),
      { numRuns: 500 },
    );
  });
});
