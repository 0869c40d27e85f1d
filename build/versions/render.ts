/** The tables of docs/upgrade.md: how this version works together with the last release. */
import { initOptions } from '../../src/init/options.ts';
import { injectOptions } from '../../src/inject/options.ts';
import { proxyOptions } from '../../src/proxy/config/options.ts';
import { listValues } from '../chart/render.ts';
import { valuesSchema } from '../chart/values.ts';
import { code, renderTable } from '../markdown-table.ts';
import { type LastRelease, nameOf, type Program, readLastRelease } from './last-release.ts';
import { pairs, podForms } from './pod-forms.ts';
import { type Fate, fateOf, findChangedDefault, type Known, listKnown } from './settings.ts';

/** The settings of this version. */
const known: Readonly<Record<Program, readonly Known[]>> = {
  proxy: listKnown(proxyOptions),
  'proxy-init': listKnown(initOptions),
  'proxy inject': listKnown(injectOptions),
  chart: listValues(valuesSchema).map(({ path, schema }) => ({
    names: [path],
    default: JSON.stringify(schema.default),
  })),
};

/** A setting that does not simply keep its meaning. */
export interface Difference {
  readonly program: Program;
  readonly names: readonly string[];
  readonly now: string;
}

export function findDifferences({
  settings,
}: Pick<LastRelease, 'settings'>): readonly Difference[] {
  return Object.entries(settings).flatMap(([key, list]) => {
    const program = key as Program;
    const now = known[program];
    return list.flatMap((setting): readonly Difference[] => {
      const fates = setting.names.map((name) => [name, fateOf(name, now)] as const);
      const lost = fates.filter(([, { kind }]) => kind !== 'accepted');
      const [first] = lost;
      if (first !== undefined) {
        return [{ program, names: lost.map(([name]) => name), now: describeFate(first[1]) }];
      }
      const changed = findChangedDefault(setting, now);
      if (changed === undefined) return [];
      const before = setting.default === undefined ? 'none' : code(setting.default);
      return [{ program, names: setting.names, now: `default: ${changed}; before: ${before}` }];
    });
  });
}

export function renderVersions(): string {
  const release = readLastRelease();
  const count = Object.values(release.settings).flat().length;
  const subject =
    release.tag === null
      ? `There is no release yet. The table compares with ${nameOf(release)}, an earlier state of this repository.`
      : `The table compares with ${nameOf(release)}.`;
  const differences = findDifferences(release);
  const name = release.tag ?? 'the earlier state';
  const results = renderTable(
    [`From ${name}`, 'From this version', 'Tested result'],
    [
      ...pairs.map(({ init }) => [
        init === 'last' ? '`proxy-init`' : '`proxy`',
        init === 'last' ? '`proxy`' : '`proxy-init`',
        `Applications get tokens, and metadata is forwarded, in all ${podForms.length} forms of pod.`,
      ]),
      ['one of the two containers', '`proxy doctor --as-app`', 'The doctor finds no fault.'],
      [
        'containers that `inject` wrote, and those of `deploy`',
        'the two images',
        'All arguments and variables are accepted.',
      ],
      [
        'manifests that `inject` wrote',
        '`inject`',
        'The result is that of injecting the original.',
      ],
      ['manifests that `inject` wrote', '`uninject`', 'The original is restored.'],
      [
        'manifests that `inject` wrote',
        '`proxy doctor FILE`',
        'The doctor finds the same as in manifests that this version injects.',
      ],
      [
        `${count} settings and values of the chart`,
        'proxy, `proxy-init`, `inject`, the chart',
        differences.length === 0
          ? 'All are accepted.'
          : `All are accepted, except for ${differences.length} that differ as listed below.`,
      ],
    ],
  );
  const list = renderTable(
    ['Setting', 'Program', 'In this version'],
    differences.map(({ program, names, now }) => [names.map(code).join(', '), code(program), now]),
  );
  const forms = podForms.map(({ name: form }) => form).join('; ');
  return [
    subject,
    results,
    `Forms of pod: ${forms}.`,
    ...(differences.length > 0 ? [list] : []),
  ].join('\n\n');
}

function describeFate(fate: Fate): string {
  switch (fate.kind) {
    case 'accepted':
      return 'accepted';
    case 'ignored':
      return `ignored, with a warning: ${fate.reason}`;
    case 'refused':
      return 'refused';
  }
}
