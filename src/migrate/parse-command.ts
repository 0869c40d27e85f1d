import { lastOf, type Parsed, parseEach, type Texts } from '../inject/arguments.ts';
import { parseSettings } from '../inject/parse-settings.ts';
import { resolveOptions } from '../shared/options.ts';
import { containerOptions, ownOptions } from './options.ts';
import type { PlanSettings } from './plan/settings.ts';
import type { ReadSettings } from './read/collector.ts';

/** What a command line asks for. */
export interface MigrateRun {
  /** Files, folders and `-`; empty if none was named. */
  readonly names: readonly string[];
  readonly output: 'table' | 'json' | 'markdown';
  readonly action: Action;
  /** Pods lose the label of AAD Pod Identity. */
  readonly dropsLabel: boolean;
  readonly read: ReadSettings;
  readonly plan: PlanSettings;
}

/** What is done with the plan: it is printed, alone or as a check, or it is written, or applied to the input. */
export type Action =
  | { readonly kind: 'print' | 'check' | 'change' }
  | { readonly kind: 'write'; readonly folder: string };

/** Stands for an image that is not known yet: a plan does not need it. */
const placeholder = 'image-is-not-given';

/**
 * @param names files and folders that no flag names.
 * @param headerKey what `--header-key-file` or `--header-key-variable` leads to.
 */
export function parseMigrate(
  texts: Texts,
  names: readonly string[],
  headerKey: string | undefined,
): Parsed<MigrateRun> {
  const { issuer, defaultIdentity, templatePath, file: _, ...single } = ownOptions;
  const { values, errors } = resolveOptions(single, lastOf(texts), {});
  const issuers = parseEach(issuer, texts.get('issuer'));
  const choices = parseEach(defaultIdentity, texts.get('defaultIdentity'));
  const templatePaths = parseEach(templatePath, texts.get('templatePath'));
  const inject = parseSettings(toInjectTexts(texts), headerKey);
  const all = [
    ...errors,
    ...[issuers, choices, templatePaths].flatMap((parsed) => parsed.errors),
    ...(inject.ok ? [] : inject.errors),
  ];
  if (!inject.ok || all.length > 0) return { ok: false, errors: all };
  const { namespace = 'default', output = 'table' } = values;
  const files = [...new Set([...(texts.get('file') ?? []), ...names])];
  const injection = values.webhook === 'present' ? 'annotation' : 'containers';
  const action = toAction(values);
  const fault = findFault(action, files, texts, injection);
  if (action === undefined || fault !== undefined) return { ok: false, errors: [fault ?? ''] };
  return {
    ok: true,
    value: {
      names: files,
      output,
      action,
      dropsLabel: values.dropLabel ?? false,
      read: { namespace, templatePaths: templatePaths.values },
      plan: {
        issuers: [...new Set(issuers.values)],
        tenantId: values.tenantId,
        isClusterScoped: values.clusterScoped ?? false,
        hasIdentityBinding: values.identityBinding ?? false,
        defaultIdentities: choices.values,
        injection,
        inject: inject.value,
        namespace: texts.has('namespace') ? namespace : undefined,
      },
    },
  };
}

/** undefined if two of the flags contradict each other. */
function toAction(values: {
  readonly check?: boolean;
  readonly write?: string | undefined;
  readonly inPlace?: boolean;
}): Action | undefined {
  const { check = false, write, inPlace = false } = values;
  if ([check, write !== undefined, inPlace].filter(Boolean).length > 1) return undefined;
  if (write !== undefined) return { kind: 'write', folder: write };
  if (inPlace) return { kind: 'change' };
  return { kind: check ? 'check' : 'print' };
}

/** Why the action cannot be done; undefined if it can. */
function findFault(
  action: Action | undefined,
  files: readonly string[],
  texts: Texts,
  injection: PlanSettings['injection'],
): string | undefined {
  if (action === undefined) {
    return '--write, --in-place and --check exclude one another; give one of them';
  }
  if (action.kind === 'change' && (files.length === 0 || files.includes('-'))) {
    return '--in-place needs files or folders; standard input cannot be written';
  }
  const hasImages = texts.has('proxyImage') && (texts.has('initImage') || texts.has('noRedirect'));
  const writes = action.kind === 'write' || action.kind === 'change';
  if (writes && injection === 'containers' && !hasImages) {
    return 'manifests need --proxy-image and --init-image (or --no-redirect); if the webhook adds the containers, pass --webhook=present';
  }
  if (texts.has('dropLabel') && !writes) {
    return '--drop-label goes with --write or --in-place';
  }
  return undefined;
}

/** The flags as `inject` takes them. */
function toInjectTexts(texts: Texts): Texts {
  const own = new Map([...texts].filter(([key]) => key in containerOptions));
  if (!own.has('proxyImage')) own.set('proxyImage', [placeholder]);
  if (!own.has('initImage') && !own.has('noRedirect')) own.set('initImage', [placeholder]);
  for (const key of ['identityBinding', 'webhook']) {
    const given = texts.get(key);
    if (given !== undefined) own.set(key, given);
  }
  // Beside the webhook it is the ServiceAccount that names the tenant.
  const tenant = texts.get('tenantId');
  if (texts.get('webhook')?.at(-1) === 'absent' && tenant !== undefined)
    own.set('tenantId', tenant);
  return own;
}
