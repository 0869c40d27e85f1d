/** A client that is not there must not look like one that passed. */
import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { type PrepareDeps, prepare } from '../lab/prepare.ts';

const [client] = clients;
if (client === undefined) throw new Error('the catalogue is empty');

const works: PrepareDeps = {
  install: async () => ['program'],
  findMissingTool: async () => undefined,
  isRegistryThere: async () => true,
  isCi: true,
};
const broken = async (): Promise<never> => {
  throw new Error('no such version');
};

test.each<[string, Partial<PrepareDeps>, string, RegExp]>([
  ['an install that fails, with a registry', { install: broken }, 'failed', /no such version/],
  [
    'the same, off CI',
    { install: broken, isCi: false },
    'failed',
    /its registry answers: no such version/,
  ],
  [
    'an install that fails, without a registry',
    { install: broken, isRegistryThere: async () => false },
    'skipped',
    /does not answer: no such version/,
  ],
  ['a missing tool', { findMissingTool: async () => 'mvn' }, 'failed', /mvn is missing/],
  [
    'a missing tool, off CI',
    { findMissingTool: async () => 'mvn', isCi: false },
    'skipped',
    /mvn is missing/,
  ],
])('%s', async (_, deps, state, reason) => {
  expect(await prepare(client, { ...works, ...deps })).toEqual({
    state,
    reason: expect.stringMatching(reason),
  });
});

test('an install that works', async () => {
  expect(await prepare(client, works)).toEqual({ state: 'ready', command: ['program'] });
});
