/** What documents call by name has to exist: scripts, settings, flags, files, error codes, numbers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorGuides } from '../../../build/docs-errors.ts';
import { doctorOptions } from '../../../src/doctor/options.ts';
import { flags as emulatorFlags } from '../../../src/emulator/cli/flags.ts';
import { failures } from '../../../src/init/failures.ts';
import { initOptions } from '../../../src/init/options.ts';
import { commonOptions, injectOptions } from '../../../src/inject/options.ts';
import { documentOptions } from '../../../src/issuer/options.ts';
import { migrateOptions } from '../../../src/migrate/options.ts';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import { aadstsRules } from '../../../src/proxy/entra/explain/aadsts.ts';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../src/proxy/process/memory.ts';
import type { OptionTable } from '../../../src/shared/option-table.ts';
import { documentOf, documents, root, toCode, toRows } from './documents.ts';

const tables: readonly OptionTable[] = [
  proxyOptions,
  initOptions,
  injectOptions,
  commonOptions,
  doctorOptions,
  documentOptions,
  migrateOptions,
];
const options = tables.flatMap((table) => Object.values(table));

/** Variables that documents name and that are not ours to read. */
const othersVariables: ReadonlySet<string> = new Set([
  'AZURE_POD_IDENTITY_AUTHORITY_HOST',
  'IDENTITY_ENDPOINT',
  'IDENTITY_HEADER',
  'XTABLES_LOCKFILE',
  // What Kubernetes sets for a Service called imds-proxy.
  'IMDS_PROXY_PORT',
  'IMDS_PROXY_SERVICE_HOST',
  // Misspelt on purpose, where the document says what happens then.
  'IMDS_PROXY_ALOWED_RESOURCES',
  'AZURE_CLIENTID',
  // A name that stands for all of ours.
  'IMDS_PROXY_X_Y',
]);

const variables: ReadonlySet<string> = new Set([
  ...othersVariables,
  ...options.flatMap(({ env, envAlias }) => [env, envAlias]).filter((name) => name !== undefined),
]);

const flags: ReadonlySet<string> = new Set([
  ...options.flatMap(({ flag }) => flag ?? []),
  ...Object.keys(emulatorFlags),
  'help',
  // A name that stands for all of ours.
  'x',
  'x-y',
]);

/** Flags of others that stand at the beginning of a piece of code, where ours usually do. */
const othersFlags: ReadonlySet<string> = new Set([
  'network',
  // Of `kubectl create secret` and helm.
  'from-literal',
  'reuse-values',
  'set',
  'post-renderer-args',
  'max-semi-space-size',
  'max-old-space-size',
  // Of Node's permission model.
  'allow-child-process',
  'allow-net',
  // Of `docker compose up`, continued on a line of its own.
  'attach-dependencies',
  // Of `az login`.
  'object-id',
  'resource-id',
  'username',
]);

/** What follows a program of ours on its line, or continues it: there a flag is ours. */
function toArguments(line: string): string {
  if (/^\s*--/.test(line)) return line;
  return /(?:^|[\s/])(?:proxy|proxy-init|emulator)(\s.*)$/.exec(line)?.[1] ?? '';
}

describe.each(documents.map((document) => [document.file, document] as const))(
  '%s',
  (_, document) => {
    const all = toCode(document);

    test('names scripts of package.json', () => {
      const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
        scripts: Readonly<Record<string, string>>;
      };
      const named = all.flatMap((text) => matches(text, /\bnpm (?:run ([\w:-]+)|(test)\b)/g));
      expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    });

    test('names variables that are read', () => {
      const pattern =
        /\b((?:AZURE|IMDS_PROXY|INIT|PROXY|METADATA|IDENTITY|XTABLES)_[A-Z][A-Z_]*)\b/g;
      const named = matches(document.text, pattern);
      expect(named.filter((name) => !variables.has(name))).toEqual([]);
    });

    test('names flags that exist', () => {
      const named = all
        .flatMap((text) => text.split('\n'))
        .flatMap((line) => matches(toArguments(line), /(?<![\w-])--([a-z][\w-]*)/g));
      expect(named.filter((name) => !flags.has(name) && !othersFlags.has(name))).toEqual([]);
    });

    test('names files that exist', () => {
      const named = all.flatMap((text) =>
        matches(text, /^((?:src|test|docs|build|bench|demo|\.ci)\/[\w./-]*)$/g),
      );
      expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    });

    test('names error codes that exist', () => {
      const named = matches(document.prose, /\b(ERR_[A-Z_]+)\b/g);
      const nodes = /^ERR_(?:TLS|SSL|OSSL)_/;
      expect(
        named.filter((code) => !Object.hasOwn(errorGuides, code) && !nodes.test(code)),
      ).toEqual([]);
    });
  },
);

describe('docs/errors.md', () => {
  test.each(Object.entries(errorGuides))('%s is told in whole sentences', (_, { when, remedy }) => {
    for (const text of [when, remedy]) expect(text).toMatch(/^[A-Z`'].*\.$/);
  });
});

describe('docs/troubleshooting.md', () => {
  const document = documentOf('docs/troubleshooting.md');

  test('has a heading for every AADSTS number that the proxy knows, and no other', () => {
    const known = aadstsRules.flatMap(({ codes }) => codes);
    const headings = matches(document.prose, /^### ([\d, ]+)$/gm).flatMap((text) =>
      text.split(', '),
    );
    expect(headings.map(Number).toSorted()).toEqual(known.toSorted());
  });

  test('has every exit code of proxy-init', () => {
    const known = new Set([0, ...Object.values(failures).map(({ exitCode }) => exitCode)]);
    const rows = toRows(document, ['Exit code', 'Cause', 'Remedy']);
    expect(rows.map(([code]) => Number(code))).toEqual([...known].toSorted());
  });
});

test.each(['README.md', 'docs/troubleshooting.md'])(
  '%s names the smallest memory limit',
  (file) => {
    const named = matches(documentOf(file).prose, /\b(\d+) MiB\b/g).map(Number);
    expect(new Set(named)).toEqual(new Set([MIN_MEMORY_LIMIT_BYTES / 1_024 ** 2]));
  },
);

describe('README.md', () => {
  const readme = documentOf('README.md');

  test('quotes chapters of the demo', () => {
    const story = readFileSync(join(root, 'demo', 'story.ts'), 'utf8');
    const titles = [...story.matchAll(/chapter\('([^']+)'\)/g)].map(([, title = '']) => title);
    const quoted = readme.blocks.flatMap((block) => [...block.matchAll(/^(\d+)\. (.+)$/gm)]);
    expect(quoted.length).toBeGreaterThan(0);
    // Chapters are numbered in the order in which they are told.
    for (const [, number, title] of quoted) expect(titles[Number(number) - 1]).toBe(title);
  });

  test('begins with the two commands', () => {
    const commands = readme.blocks.filter((block) => block.includes('npm')).slice(0, 2);
    expect(commands).toEqual(['npm ci && npm run demo\n', 'npm ci && npm test\n']);
  });
});

/** The first group that matched of each match. */
function matches(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match.slice(1).find(Boolean) ?? '');
}
