/** What becomes of the settings of the last release, from the help of its programs alone. */
import type { OptionTable } from '../../src/shared/option-table.ts';

/** A setting as `--help` lists it, or a value of the chart. */
export interface Setting {
  /** Flag and variables, such as `--proxy-port` and `IMDS_PROXY_PROXY_PORT`; or the path of a value. */
  readonly names: readonly string[];
  /** What stands for its value, such as `port` and `off|on`; absent for a switch or a variable without flag. */
  readonly value?: string;
  readonly default?: string;
}

/** What this version does with a name of the last release. */
export type Fate =
  | { readonly kind: 'accepted' }
  /** Retired: the reason. */
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'refused' };

const heading =
  /^ {2}((?:--[a-z][a-z-]*|[A-Za-z][A-Za-z_]*_[A-Za-z_]+)(?:, [A-Za-z_]+|.<[^>]+>)*)(?: \((.*)\))?$/gm;

/** @throws if the text lists no settings, so that no change of the help goes unnoticed */
export function parseHelp(help: string): readonly Setting[] {
  const settings = [...help.matchAll(heading)].map(([, names = '', presence = '']): Setting => {
    const value = /<([^>]+)>/.exec(names)?.[1];
    const usual = /^default (.*)$/.exec(presence)?.[1];
    return {
      names: names.replace(/ <[^>]+>/, '').split(', '),
      ...(value !== undefined && { value }),
      ...(usual !== undefined && { default: usual }),
    };
  });
  if (settings.length < 3) throw new Error(`this help lists no settings:\n${help.slice(0, 500)}`);
  return settings;
}

/** A setting of this version. */
export interface Known {
  readonly names: readonly string[];
  readonly default?: string | undefined;
  /** Why it was removed: it is accepted and ignored. */
  readonly retired?: string | undefined;
}

export function listKnown(table: OptionTable): readonly Known[] {
  return Object.values(table).map(({ flag, env, envAlias, type, default: usual, retired }) => ({
    names: [flag === undefined ? undefined : `--${flag}`, env, envAlias].filter(
      (name) => name !== undefined,
    ),
    // As in the help: everybody expects a switch to be off.
    default: type.standsAlone === true && usual === 'false' ? undefined : usual || undefined,
    retired,
  }));
}

/** What happens to a name of the last release. */
export function fateOf(name: string, known: readonly Known[]): Fate {
  const found = known.find(({ names }) => names.includes(name));
  if (found === undefined) return { kind: 'refused' };
  return found.retired === undefined
    ? { kind: 'accepted' }
    : { kind: 'ignored', reason: found.retired };
}

/** The default of this version as Markdown, if it differs. */
export function findChangedDefault(setting: Setting, known: readonly Known[]): string | undefined {
  const found = known.find(
    ({ names, retired }) =>
      retired === undefined && setting.names.some((name) => names.includes(name)),
  );
  if (found === undefined || found.default === setting.default) return undefined;
  return found.default === undefined ? 'depends, see the help' : `\`${found.default}\``;
}
