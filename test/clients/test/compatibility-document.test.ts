import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { renderDocument } from '../lab/document.ts';
import { readLaboratory } from '../lab/laboratory.ts';
import { documentFile } from '../lab/report.ts';

test('docs/compatibility.md says what the last run of each client found', async () => {
  expect(await readFile(documentFile, 'utf8')).toBe(renderDocument(await readLaboratory()));
});

test('every client of the catalogue has both results, and no other has', async () => {
  const { clients: kept } = await readLaboratory();
  expect(Object.keys(kept)).toEqual(clients.map(({ id }) => id));
  const withoutOutage = Object.keys(kept).filter((id) => kept[id]?.outage === undefined);
  expect(withoutOutage).toEqual([]);
});
