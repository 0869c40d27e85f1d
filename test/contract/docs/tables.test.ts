import { expect, test } from 'vitest';
import { documents } from './documents.ts';

test.each(documents.map((document) => [document.file, document] as const))(
  'every table of %s has a header: a blank line would end it',
  (_, { prose }) => {
    const tables = prose.match(/(?:^\|.*\n)+/gm) ?? [];
    const headless = tables.filter((table) => !/^\|.*\n\|(?: ?:?-+:? ?\|)+\n/.test(table));
    expect(headless).toEqual([]);
  },
);
