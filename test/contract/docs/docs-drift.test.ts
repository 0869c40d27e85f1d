import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applySection, generatedSections, renderDocument } from '../../../build/docs.ts';
import { ownPrefix, proxyOptions } from '../../../src/proxy/config/options.ts';
import { createMetrics } from '../../../src/proxy/metrics/metrics.ts';
import type { Option } from '../../../src/shared/option-table.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8');

const options: readonly Option[] = Object.values(proxyOptions);

describe('generated documentation is what the code says (npm run docs)', () => {
  test.each([...new Set(generatedSections.map(({ file }) => file))])('%s', async (file) => {
    expect(await read(file)).toBe(await renderDocument(file));
  });

  test('every setting is in it', async () => {
    const document = await read('docs/configuration.md');
    for (const { flag, env, retired } of options) {
      if (retired !== undefined) continue;
      if (flag !== undefined) expect(document).toMatch(new RegExp(`\`--${flag}( <[^>]+>)?\``));
      if (env !== undefined) expect(document).toContain(`\`${env}\``);
    }
  });

  test('every metric, label and fixed value is in it', async () => {
    const document = await read('docs/metrics.md');
    for (const { name, labels } of createMetrics().table) {
      const row = document.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
      for (const [label, values] of Object.entries(labels)) {
        expect(row).toContain(`\`${label}\`: ${values}`);
      }
    }
  });

  test('the alerts name metrics that exist', async () => {
    const names = (await read('docs/metrics.md')).match(/\bimds_proxy_[a-z_]+/g) ?? [];
    const known = new Set(createMetrics().table.map(({ name }) => name));
    for (const name of names) expect(known).toContain(name);
  });

  test.each(['', 'x', '<!-- end generated: a --><!-- begin generated: a -->'])(
    'a document without its markers is an error (%j)',
    (document) => {
      const section = { file: 'f', name: 'a', render: () => 'text' };
      expect(() => applySection(document, section)).toThrow('must be there');
    },
  );

  test('a section is replaced and the rest kept, however often', () => {
    const section = { file: 'f', name: 'a', render: () => 'new' };
    const document = 'x\n<!-- begin generated: a -->\nold\n<!-- end generated: a -->\ny\n';
    const once = applySection(document, section);
    expect(once).toBe('x\n<!-- begin generated: a -->\n\nnew\n\n<!-- end generated: a -->\ny\n');
    expect(applySection(once, section)).toBe(once);
  });
});

describe('names of settings', () => {
  test('a flag of our own and its variable have the same name', () => {
    for (const { flag, env, retired } of options) {
      if (retired !== undefined) continue;
      if (flag === undefined || env === undefined) continue;
      expect(env).toBe(`${ownPrefix}${flag.toUpperCase().replaceAll('-', '_')}`);
    }
  });

  test('every default is valid', () => {
    for (const { type, default: text } of options) {
      if (text !== undefined) expect(type.parse(text).ok).toBe(true);
    }
  });

  test('no secret can be given as a flag, where everybody can read it', () => {
    for (const { secret, flag } of options) if (secret === true) expect(flag).toBeUndefined();
  });

  test('every text ends a sentence', () => {
    for (const { help } of options) expect(help).toMatch(/\.$/);
    for (const { help } of createMetrics().table) expect(help).toMatch(/\.$/);
  });
});
