import { resolveOptions } from '../shared/options.ts';
import { lastOf, scanArguments } from './arguments.ts';
import type { Action } from './filter.ts';
import { commonOptions, injectOptions } from './options.ts';
import { parseSettings } from './parse-settings.ts';

export type CommandName = 'inject' | 'uninject';

/** A command line, understood. */
export type Command =
  | {
      readonly kind: 'run';
      readonly action: Action;
      /** Files, folders and `-`; empty if none was named. */
      readonly names: readonly string[];
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

  const { file: _, ...switches } = commonOptions;
  const { values, errors } = resolveOptions(switches, lastOf(texts), {});
  if (errors.length > 0) return usage(...errors);
  const { inPlace = false, dryRun = false } = values;
  const names = [...new Set([...(texts.get('file') ?? []), ...scan.files])];
  if (inPlace && (names.length === 0 || names.includes('-'))) {
    return usage('--in-place needs files or folders; standard input cannot be written');
  }

  if (name === 'uninject') return { kind: 'run', action: { kind: name }, names, inPlace, dryRun };
  const parsed = parseSettings(texts);
  if (!parsed.ok) return usage(...parsed.errors);
  const action: Action = { kind: name, settings: parsed.settings };
  return { kind: 'run', action, names, inPlace, dryRun };
}

function usage(...errors: readonly string[]): Command {
  return { kind: 'usage', errors };
}
