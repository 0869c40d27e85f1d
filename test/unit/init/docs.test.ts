import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { applySection } from '../../../build/docs.ts';
import { redirectSections } from '../../../build/docs-redirect.ts';

it.each(redirectSections)(
  'docs/redirect.md has its section "$name" as the code has it',
  (section) => {
    const document = readFileSync(new URL(`../../../${section.file}`, import.meta.url), 'utf8');
    expect(applySection(document, section)).toBe(document);
  },
);
