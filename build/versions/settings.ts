/** What becomes of the settings of the last release, from the help of its programs alone. */
import type { Option, OptionTable } from '../../src/shared/option-table.ts';

/** A setting as `--help` lists it. */
export interface Setting {
  /** Flag and variables, such as `--proxy-port` and `IMDS_PROXY_PROXY_PORT`. */
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

/** What `table` does with a flag or variable. */
export function fateOf(name: string, table: OptionTable): Fate {
  const option = findOption(name, table);
  if (option === undefined) return { kind: 'refused' };
  return option.retired === undefined
    ? { kind: 'accepted' }
    : { kind: 'ignored', reason: option.retired };
}

/** The default of this version as Markdown, if it differs. */
export function findChangedDefault(setting: Setting, table: OptionTable): string | undefined {
  const options = setting.names.map((name) => findOption(name, table));
  const option = options.find((each) => each !== undefined && each.retired === undefined);
  if (option === undefined) return undefined;
  const now = option.default || undefined;
  const isSwitch = option.type.standsAlone === true && now === 'false';
  if (isSwitch || now === setting.default) return undefined;
  return now === undefined ? 'depends, see the help' : `\`${now}\``;
}

function findOption(name: string, table: OptionTable): Option | undefined {
  return Object.values(table).find(({ flag, env, envAlias }) =>
    [`--${flag}`, env, envAlias].includes(name),
  );
}
