/** The catalogue must tell when it has fallen behind, and must not say that it is current if nobody answered. */
import { expect, test } from 'vitest';
import type { Client } from '../lab/client.ts';
import { compareVersions, describeNewest, findNewer } from '../lab/newer.ts';

const client = (version: string, more: Partial<Client> = {}): Client => ({
  ...{ id: `x-${version}`, language: 'Python', library: 'x', version, program: 'x', abilities: [] },
  ...more,
});

test.each([
  ['1.10.0', '1.9.9', 1],
  ['1.2', '1.2.0', 0],
  ['4.5.0', '4.14.1', -1],
  ['0.6.4.post1', '0.6.4', 0],
  ['2.45.0-1', '2.45.0-2', -1],
])('%s compared with %s', (one, other, sign) => {
  expect(Math.sign(compareVersions(one, other))).toBe(sign);
});

test.each([
  ['pip', 'x (1.3.0)\nAvailable versions: 1.3.0, 1.2.0', 'older'],
  ['npm', '1.2.0\n', 'newest'],
  ['go', 'v1.2.1', 'older'],
  ['cargo', 'x #tag\nversion: 1.1.0\nlicense: MIT', 'newest'],
  ['cargo, of a preview,', 'version: 1.3.0-beta.1', 'newest'],
  ['a tool that says nothing', '', 'failed'],
])('what %s says', async (_, said, state) => {
  const [found] = await findNewer([client('1.2.0')], async () => said);
  expect(found?.state).toBe(state);
});

test('of several versions of a library, the newest counts', async () => {
  const found = await findNewer(
    [client('1.2.0'), client('2.0.0'), client('1.9.0')],
    async () => '2.0.0',
  );
  expect(found.map(({ state, client: { version } }) => [version, state])).toEqual([
    ['2.0.0', 'newest'],
  ]);
});

test('a registry that does not answer proves nothing', async () => {
  const [found] = await findNewer([client('1.2.0')], async () => {
    throw new Error('no route\nto host');
  });
  expect(found).toMatchObject({ state: 'failed', reason: 'no route' });
});

test('a newer release is an annotation where GitHub Actions reads it', async () => {
  const [found] = await findNewer([client('1.2.0')], async () => '1.3.0');
  if (found === undefined) throw new Error('nothing was found');
  expect(describeNewest(found, true)).toBe(
    '::warning::x-1.2.0: x 1.2.0 is in the catalogue, and 1.3.0 is released',
  );
  expect(describeNewest(found, false)).not.toContain('::');
});
