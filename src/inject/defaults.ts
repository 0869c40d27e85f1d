import { findSimilar, formatSuggestion } from '../shared/did-you-mean.ts';
import type { Parsed, Texts } from './arguments.ts';
import { readValue } from './manifest/read-value.ts';
import { isList, isMap, type Value, type ValueMap } from './manifest/value.ts';
import { commonOptions, injectOptions } from './options.ts';

/** The flags that a defaults file may set: all but those that belong to one call. */
const settable: ReadonlyMap<string, string> = new Map(
  Object.entries(injectOptions).flatMap(([key, { flag }]) =>
    (key in commonOptions && key !== 'templatePath') || key === 'config' ? [] : [[flag, key]],
  ),
);

/** Defaults that a flag on the command line makes void. */
const overriddenBy: Readonly<Record<string, readonly string[]>> = {
  noRedirect: ['initImage', 'initEnv'],
  classic: ['nativeSidecar'],
  nativeSidecar: ['classic'],
  webhook: [
    'clientId',
    'tenantId',
    'authorityHost',
    'tokenContainers',
    'tokenProxy',
    'tokenProxySni',
    'tokenProxyCa',
  ],
  caConfigMap: ['caSecret'],
  caSecret: ['caConfigMap'],
  headerKeyFile: ['headerKeyVariable', 'headerSecret'],
  headerKeyVariable: ['headerKeyFile', 'headerSecret'],
  headerSecret: ['headerKeyFile', 'headerKeyVariable'],
};

/**
 * Reads defaults: flags by their names, with a text, number or boolean each; a list where a flag may be
 * repeated, and a map for variables.
 * @param name of the file, for messages.
 */
export function parseDefaults(text: string, name: string): Parsed<Texts> {
  const value = readValue(text);
  if (value === null) return { ok: true, value: new Map() };
  if (!isMap(value)) {
    return { ok: false, errors: [`${name}: not a YAML map; write lines like proxy-image: …`] };
  }
  return toTexts(value, name);
}

/** The same for a map that was read already: the functionConfig of a KRM function. */
export function toTexts(defaults: ValueMap, name: string): Parsed<Texts> {
  const texts = new Map<string, readonly string[]>();
  const errors: string[] = [];
  for (const [flag, value] of Object.entries(defaults)) {
    const key = settable.get(flag);
    const found = toStrings(value);
    if (key === undefined) {
      const hint = formatSuggestion(findSimilar(flag, [...settable.keys()]));
      errors.push(`${name}: ${flag} is not a setting${hint === undefined ? '' : `; ${hint}`}`);
    } else if (found === undefined) {
      errors.push(
        `${name}: ${flag} is neither a text nor a list of texts; write it as its flag takes it`,
      );
    } else {
      texts.set(key, found);
    }
  }
  return errors.length === 0 ? { ok: true, value: texts } : { ok: false, errors };
}

/** Flags win over defaults; where a flag may be repeated, its texts come behind those of the defaults. */
export function mergeTexts(defaults: Texts, flags: Texts): Texts {
  const merged = new Map(defaults);
  for (const key of flags.keys()) {
    for (const other of overriddenBy[key] ?? []) merged.delete(other);
  }
  for (const [key, texts] of flags) merged.set(key, [...(merged.get(key) ?? []), ...texts]);
  return merged;
}

function toStrings(value: Value): readonly string[] | undefined {
  if (isMap(value)) {
    const entries = Object.entries(value);
    return entries.every(([, part]) => isScalar(part))
      ? entries.map(([key, part]) => `${key}=${part}`)
      : undefined;
  }
  if (isList(value)) return value.every(isScalar) ? value.map(String) : undefined;
  return isScalar(value) ? [String(value)] : undefined;
}

function isScalar(value: Value): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
