import { resolveOptions } from '../shared/options.ts';
import { lastOf, type Parsed, parseEach, type Texts } from './arguments.ts';
import type { TemplatePath } from './kinds.ts';
import { commonOptions, injectOptions } from './options.ts';
import { parseSettings } from './parse-settings.ts';
import type { Selection } from './select.ts';
import type { Action } from './settings.ts';

export type CommandName = 'inject' | 'uninject';

/** What happens to the result: `print` to standard output, `write` to the files, or nothing. */
export type Output = 'print' | 'write' | 'none' | 'check' | 'diff';

/** What a command line and its defaults ask for. */
export interface Run {
  readonly action: Action;
  /** Files, folders and `-`; empty if none was named. */
  readonly names: readonly string[];
  readonly selection: Selection;
  readonly templatePaths: readonly TemplatePath[];
  readonly unknownKinds: 'warn' | 'inject' | 'fail';
  readonly onUnsupported: 'warn' | 'fail';
  readonly output: Output;
  readonly report: 'text' | 'json';
  readonly reportFile: string | undefined;
  readonly verbose: boolean;
}

/**
 * @param texts of the flags, behind those of the defaults file.
 * @param names files and folders that no flag names.
 * @param headerKey what `--header-key-file` or `--header-key-variable` leads to.
 */
export function parseCommand(
  name: CommandName,
  texts: Texts,
  names: readonly string[],
  headerKey: string | undefined,
): Parsed<Run> {
  const { only: _, except: __, annotation: ___, templatePath: ____, ...single } = commonOptions;
  const { values, errors } = resolveOptions(single, lastOf(texts), {});
  const only = parseEach(commonOptions.only, texts.get('only'));
  const except = parseEach(commonOptions.except, texts.get('except'));
  const annotations = parseEach(commonOptions.annotation, texts.get('annotation'));
  const templatePaths = parseEach(commonOptions.templatePath, texts.get('templatePath'));
  const faults = [only, except, annotations, templatePaths].flatMap((parsed) => parsed.errors);
  if (errors.length + faults.length > 0) return { ok: false, errors: [...errors, ...faults] };

  const all = [...new Set([...(texts.get('file') ?? []), ...names])];
  const output = toOutput(values);
  if (output === undefined) {
    return usage('--in-place, --dry-run, --check and --diff exclude one another; give one of them');
  }
  if (output === 'write' && (all.length === 0 || all.includes('-'))) {
    return usage('--in-place needs files or folders; standard input cannot be written');
  }
  if (values.krm === true && (all.length > 0 || output !== 'print')) {
    return usage(
      '--krm reads standard input and prints the result; name no files and no other output',
    );
  }

  const run = {
    names: all,
    templatePaths: templatePaths.values,
    output,
    report: values.report ?? 'text',
    reportFile: values.reportFile,
    verbose: values.verbose ?? false,
  };
  const selection = {
    only: texts.has('only') ? only.values.flat() : undefined,
    except: except.values.flat(),
    labels: values.selector ?? [],
    annotations: annotations.values,
    annotated: false,
    ignoreOptOut: false,
  };
  if (name === 'uninject') {
    const rest = { unknownKinds: 'inject', onUnsupported: 'warn' } as const;
    return { ok: true, value: { ...run, ...rest, selection, action: { kind: name } } };
  }
  const settings = parseSettings(texts, headerKey);
  if (!settings.ok) return settings;
  const { annotated, ignoreOptOut, unknownKinds, onUnsupported } = injectOptions;
  const rules = resolveOptions(
    { annotated, ignoreOptOut, unknownKinds, onUnsupported },
    lastOf(texts),
    {},
  );
  if (rules.errors.length > 0) return { ok: false, errors: rules.errors };
  return {
    ok: true,
    value: {
      ...run,
      unknownKinds: rules.values.unknownKinds ?? 'warn',
      onUnsupported: rules.values.onUnsupported ?? 'warn',
      selection: {
        ...selection,
        annotated: rules.values.annotated ?? false,
        ignoreOptOut: rules.values.ignoreOptOut ?? false,
      },
      action: { kind: name, settings: settings.value },
    },
  };
}

/** undefined if two of them contradict each other. `--dry-run` goes with any, and wins. */
function toOutput(values: {
  readonly inPlace?: boolean;
  readonly dryRun?: boolean;
  readonly check?: boolean;
  readonly diff?: boolean;
}): Output | undefined {
  const { inPlace = false, dryRun = false, check = false, diff = false } = values;
  if ([inPlace, check, diff].filter(Boolean).length > 1) return undefined;
  if (check) return 'check';
  if (diff) return 'diff';
  if (dryRun) return 'none';
  return inPlace ? 'write' : 'print';
}

function usage(error: string): { readonly ok: false; readonly errors: readonly string[] } {
  return { ok: false, errors: [error] };
}
