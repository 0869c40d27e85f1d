import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { recordings } from '../../support/recorded-clients.ts';
import { clients } from '../lab/catalogue.ts';

test('every client of the lab has a recording, and no other has', () => {
  const names = readdirSync(recordings).map((name) => name.replace(/\.json$/, ''));
  expect(names.toSorted()).toEqual(clients.map(({ id }) => id).toSorted());
});
