import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  findMissingHistory,
  findReleaseTag,
  type Program,
  readLastRelease,
} from '../../../build/versions/last-release.ts';
import { findDifferences } from '../../../build/versions/render.ts';
import {
  fateOf,
  findChangedDefault,
  listKnown,
  parseHelp,
  type Setting,
} from '../../../build/versions/settings.ts';
import { initOptions } from '../../../src/init/options.ts';
import { injectOptions } from '../../../src/inject/options.ts';
import { proxyOptions } from '../../../src/proxy/config/options.ts';
import type { OptionTable } from '../../../src/shared/option-table.ts';
import { formatOptions, listOptions } from '../../../src/shared/options-help.ts';

const release = readLastRelease();
const changelog = readFileSync(join(import.meta.dirname, '../../../CHANGELOG.md'), 'utf8');

const tables: Readonly<Record<Exclude<Program, 'chart'>, OptionTable>> = {
  proxy: proxyOptions,
  'proxy-init': initOptions,
  'proxy inject': injectOptions,
};

/** Of the last release, and of this version, which becomes one. */
const settings = Object.entries(tables).flatMap(([program, table]) =>
  [...release.settings[program as Program], ...parseHelp(formatOptions(table))].map((setting) => ({
    program,
    table,
    ...setting,
  })),
);

describe('the settings that a help lists', () => {
  it.each(Object.entries(tables))('of %s are all settings with their names', (_, table) => {
    const names = listOptions(table).map(({ flag, env, envAlias }) =>
      [flag === undefined ? undefined : `--${flag}`, env, envAlias].filter(Boolean),
    );
    const listed = parseHelp(formatOptions(table)).map((setting) => setting.names);
    expect(listed.toSorted()).toEqual(names.toSorted());
  });

  it('have their default and the form of their value', () => {
    expect(parseHelp(formatOptions(tables['proxy-init']))).toEqual(
      expect.arrayContaining([
        { names: ['--proxy-port', 'PROXY_PORT'], value: 'port', default: '8000' },
        { names: ['--verify', 'INIT_VERIFY'], value: 'auto|off', default: 'auto' },
        { names: ['--version'] },
      ]),
    );
  });

  it('are never none', () => {
    expect(() => parseHelp('Usage: proxy')).toThrow('lists no settings');
  });
});

describe('a setting of the last release', () => {
  const known = listKnown(proxyOptions);
  const none = { proxy: [], 'proxy-init': [], 'proxy inject': [], chart: [] };

  it('is accepted, ignored or refused by its name', () => {
    expect(fateOf('IMDS_PROXY_ADMIN_PORT', known)).toEqual({ kind: 'accepted' });
    expect(fateOf('SSL_CERT_FILE', known)).toEqual({ kind: 'accepted' });
    expect(fateOf('--exchanger-linger', known)).toMatchObject({ kind: 'ignored' });
    expect(fateOf('--gone', known)).toEqual({ kind: 'refused' });
  });

  it('of the chart is known by its path', () => {
    const of = (name: string, usual: unknown) => {
      const chart = [{ names: [name], default: JSON.stringify(usual) }];
      return findDifferences({ settings: { ...none, chart } }).map(({ now }) => now);
    };
    expect(of('proxy.adminPort', 9808)).toEqual([]);
    expect(of('proxy.adminPort', 9000)).toEqual(['default: `9808`; before: `9000`']);
    expect(of('proxy.gone', '')).toEqual(['refused']);
  });

  it('shows a default that has changed', () => {
    const port: Setting = { names: ['--admin-port'], value: 'port', default: '9808' };
    expect(findChangedDefault(port, known)).toBeUndefined();
    expect(findChangedDefault({ ...port, default: '1' }, known)).toBe('`9808`');
    expect(findChangedDefault({ names: ['--runtime-metrics'] }, known)).toBeUndefined();
    expect(findChangedDefault({ names: ['--gone'], default: '1' }, known)).toBeUndefined();
  });
});

describe('since the last release', () => {
  it.each(findDifferences(release))('the changelog names the change of $names', ({ names }) => {
    expect(names.filter((name) => changelog.includes(name))).not.toEqual([]);
  });

  /** Values as people write them, by the form of the value, or by the name of the flag if it has its own. */
  const samples: Readonly<Record<string, string>> = {
    '--header-key-variable': 'HEADER_KEY',
    'RuntimeDefault|localhost/path': 'localhost/operator/imds-proxy.json',
    'group/kind=path': 'example.com/Widget=spec.template',
    'key=value': 'example.com/team=a',
    'kind/name:path': 'configmap/corporate:/etc/corporate',
    'name[/key]': 'corporate/root.pem',
    'namespace/kind/name,…': 'shop/Deployment/web,nightly',
    'none|uid[:gid]': '2000:3000',
    selector: 'app=web,tier!=cache,stage in (a,b)',
    address: '127.0.0.1',
    'address:port': '169.254.169.254:80',
    'address[/prefix],…': '169.254.169.254,10.0.0.0/8',
    duration: '30s',
    'guid,…': 'aaaaaaaa-0000-4000-8000-00000000000a',
    guid: 'aaaaaaaa-0000-4000-8000-00000000000a',
    'host,…': 'imds.example',
    'https-url': 'https://login.microsoftonline.us',
    'id[-id]': '1501-1502',
    image: 'registry.example/proxy:1',
    'json|@path': '[]',
    'kind/name,…': 'Deployment/web,nightly',
    level: 'debug',
    name: 'abc.ests.aks',
    'name=value': 'HTTPS_PROXY=http://proxy.example:3128',
    'none|all|names': 'web,worker',
    path: '/dev/termination-log',
    port: '8123',
    'port[:port]': '80:81',
    'quantity|none': '128Mi',
    region: 'westeurope',
    'resource,…': 'https://vault.azure.net',
    seconds: '10',
    tenant: 'contoso.onmicrosoft.com',
    file: 'pod.yaml',
  };

  it.each(settings.filter(({ value }) => value !== undefined))(
    '$program still understands the values of $names',
    ({ table, names, value = '', default: usual }) => {
      const option = Object.values(table).find(({ flag }) => names.includes(`--${flag}`));
      if (option === undefined || option.retired !== undefined) return;
      const sample = samples[names[0] ?? ''] ?? samples[value];
      const isChoice = sample === undefined && /^[\w+-]+(\|[\w+-]+)+$/.test(value);
      const texts = isChoice ? value.split('|') : [sample, usual];
      expect(isChoice || sample, `add a sample for <${value}>`).toBeTruthy();
      for (const text of texts.filter((each) => each !== undefined)) {
        expect(option.type.parse(text), text).toMatchObject({ ok: true });
      }
    },
  );
});

describe('the recorded release', () => {
  it('is the newest tag of the history', (context) => {
    const missing = findMissingHistory(release.commit);
    context.skip(missing !== undefined, missing);
    expect(
      findReleaseTag() ?? null,
      'run npm run last-release -- TAG with the newest tag, then npm run docs, and commit',
    ).toBe(release.tag);
  });

  it('is the newest tag before the current commit, without prereleases', () => {
    const folder = mkdtempSync(join(tmpdir(), 'release tags '));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: folder,
        encoding: 'utf8',
      });
    const commit = (): string => git('commit', '--allow-empty', '--quiet', '--message=x');
    git('init', '--quiet');
    commit();
    expect(findReleaseTag(folder)).toBeUndefined();
    git('tag', 'v0.2.0');
    // The commit of a release itself compares with the release before.
    expect(findReleaseTag(folder)).toBeUndefined();
    commit();
    git('tag', 'v0.3.0-rc.1');
    git('tag', 'docs-1');
    commit();
    expect(findReleaseTag(folder)).toBe('v0.2.0');
    expect(findMissingHistory('0'.repeat(40), folder)).toMatch(/git fetch --unshallow --tags$/);
    expect(findMissingHistory(git('rev-parse', 'HEAD').trim(), folder)).toBeUndefined();
  });
});
