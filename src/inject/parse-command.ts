import { resolveOptions } from '../shared/options.ts';
import { lastOf, scanArguments } from './arguments.ts';
import { commonOptions, injectOptions } from './options.ts';
import { parseSettings } from './parse-settings.ts';
import type { Selector } from './select.ts';
import type { Action } from './settings.ts';

export type CommandName = 'inject' | 'uninject';

/** A command line, understood. */
export type Command =
  | {
      readonly kind: 'run';
      readonly action: Action;
      /** Files, folders and `-`; empty if none was named. */
      readonly names: readonly string[];
      /** undefined for all workloads. */
      readonly only: readonly Selector[] | undefined;
      readonly inPlace: boolean;
      readonly dryRun: boolean;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly errors: readonly string[] };

export function parseCommand(name: CommandName, argv: readonly string[]): Command {
  const scan = scanArguments(name === 'inject' ? injectOptions : commonOptions, argv);
  if (scan.kind === 'help') return scan;
  if (scan.kind === 'usage') return usage(scan.error);
  const { texts } = scan;

  const { values, errors } = resolveOptions(commonOptions, lastOf(texts), {});
  if (errors.length > 0) return usage(...errors);
  const { inPlace = false, dryRun = false, only } = values;
  const names = [...new Set([...(texts.get('file') ?? []), ...scan.files])];
  if (inPlace && (names.length === 0 || names.includes('-'))) {
    return usage('--in-place needs files or folders; standard input cannot be written');
  }

  const run = { kind: 'run', names, only, inPlace, dryRun } as const;
  if (name === 'uninject') return { ...run, action: { kind: name } };
  const parsed = parseSettings(texts);
  if (!parsed.ok) return usage(...parsed.errors);
  return { ...run, action: { kind: name, settings: parsed.settings } };
}

function usage(...errors: readonly string[]): Command {
  return { kind: 'usage', errors };
}
