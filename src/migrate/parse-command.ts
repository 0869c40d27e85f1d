import { lastOf, type Parsed, parseEach, type Texts } from '../inject/arguments.ts';
import { parseSettings } from '../inject/parse-settings.ts';
import { resolveOptions } from '../shared/options.ts';
import { containerOptions, ownOptions } from './options.ts';
import type { PlanSettings } from './plan/settings.ts';
import type { ReadSettings } from './read/read-cluster.ts';

/** What a command line asks for. */
export interface MigrateRun {
  /** Files, folders and `-`; empty if none was named. */
  readonly names: readonly string[];
  readonly output: 'table' | 'json' | 'markdown';
  readonly isCheck: boolean;
  readonly read: ReadSettings;
  readonly plan: PlanSettings;
  /** The images are given, without which no manifest can be written. */
  readonly hasImages: boolean;
}

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
  return {
    ok: true,
    value: {
      names: [...new Set([...(texts.get('file') ?? []), ...names])],
      output,
      isCheck: values.check ?? false,
      read: { namespace, templatePaths: templatePaths.values },
      plan: {
        issuers: [...new Set(issuers.values)],
        tenantId: values.tenantId,
        isClusterScoped: values.clusterScoped ?? false,
        hasIdentityBinding: values.identityBinding ?? false,
        defaultIdentities: choices.values,
        injection: values.webhook === 'present' ? 'annotation' : 'containers',
        inject: inject.value,
        namespace,
      },
      hasImages: texts.has('proxyImage') && (texts.has('initImage') || texts.has('noRedirect')),
    },
  };
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
