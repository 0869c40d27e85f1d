import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { renderDocument } from '../lab/document.ts';
import { readLaboratory } from '../lab/laboratory.ts';
import { documentFile } from '../lab/report.ts';

test('docs/compatibility.md says what the last whole run of the laboratory found', async () => {
  expect(await readFile(documentFile, 'utf8')).toBe(renderDocument(await readLaboratory()));
});

test('every client is in the run, or is said to have been skipped', async () => {
  const { clients: kept, skipped } = await readLaboratory();
  expect([...Object.keys(kept), ...skipped].sort()).toEqual(clients.map(({ id }) => id).sort());
});
