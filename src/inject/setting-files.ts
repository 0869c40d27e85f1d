import { lastOf, type Texts } from './arguments.ts';
import { mergeTexts, parseDefaults, toTexts } from './defaults.ts';
import { describe } from './inputs.ts';
import type { InjectIo } from './io.ts';
import { readValue } from './manifest/read-value.ts';
import { splitDocuments } from './manifest/split-documents.ts';
import { splitList } from './manifest/split-list.ts';
import { isMap } from './manifest/value.ts';

interface Defaults {
  readonly texts: Texts;
  /** The file that they come from. */
  readonly file: string | undefined;
}

/** Adds the settings of the defaults file and, for kustomize, of functionConfig to the flags. */
export async function addDefaults(
  { texts, names }: { readonly texts: Texts; readonly names: readonly string[] },
  resourceList: string | undefined,
  io: InjectIo,
): Promise<Defaults | { readonly errors: readonly string[] }> {
  const found = await findDefaults(lastOf(texts).get('config'), names, io);
  if ('errors' in found) return found;
  const file = found.file && parseDefaults(found.text, found.file);
  if (file && !file.ok) return file;
  const config = resourceList === undefined ? undefined : parseFunctionConfig(resourceList);
  if (config?.ok === false) return config;
  const defaults = mergeTexts(file ? file.value : new Map(), config?.value ?? new Map());
  return { texts: mergeTexts(defaults, texts), file: found.file };
}

async function findDefaults(
  named: string | undefined,
  inputs: readonly string[],
  io: InjectIo,
): Promise<
  | { readonly file: string | undefined; readonly text: string }
  | { readonly errors: readonly string[] }
> {
  const candidates = named === undefined ? defaultsBeside(inputs) : [named];
  const found: { readonly file: string; readonly text: string }[] = [];
  for (const file of candidates) {
    try {
      const text = await io.readSmallFile(file);
      if (text === undefined && named !== undefined) {
        return { errors: [`--config: there is no file ${file}; check the path`] };
      }
      // A manifest may have the name as well.
      if (text !== undefined && (named !== undefined || !isManifest(text)))
        found.push({ file, text });
    } catch (error) {
      if (named !== undefined) return { errors: [`--config ${file}: ${describe(error)}`] };
    }
  }
  const [first, second] = found;
  if (first !== undefined && second !== undefined) {
    return {
      errors: [
        `${first.file} and ${second.file} are both beside the manifests; name one with --config`,
      ],
    };
  }
  return first ?? { file: undefined, text: '' };
}

const defaultsName = 'inject.yaml';

function defaultsBeside(inputs: readonly string[]): readonly string[] {
  const folders = inputs
    .filter((input) => input !== '-')
    .flatMap((input) => [
      input.replace(/\/+$/, ''),
      input.includes('/') ? input.replace(/\/[^/]*$/, '') : '.',
    ]);
  return [...new Set(folders)].map((folder) =>
    folder === '.' ? defaultsName : `${folder}/${defaultsName}`,
  );
}

function isManifest(text: string): boolean {
  const value = readValue(text);
  return (
    isMap(value) && typeof value['apiVersion'] === 'string' && typeof value['kind'] === 'string'
  );
}

/** The settings of a KRM function: `spec` of its configuration, or `data` if that is a ConfigMap. */
function parseFunctionConfig(resourceList: string): ReturnType<typeof toTexts> {
  const [chunk] = splitDocuments(resourceList);
  const frame = chunk && (splitList(chunk)?.frame ?? readValue(chunk.text));
  if (!isMap(frame) || frame['kind'] !== 'ResourceList') {
    return {
      ok: false,
      errors: ['--krm: standard input is not a ResourceList; run it as a function of kustomize'],
    };
  }
  const config = frame['functionConfig'];
  const settings = isMap(config) ? (config['spec'] ?? config['data'] ?? {}) : {};
  return isMap(settings)
    ? toTexts(settings, 'functionConfig')
    : { ok: false, errors: ['functionConfig: spec is not a map; write flags by their names'] };
}

/** The key for the secrets of workloads without the redirect; it never reaches a message. */
export async function findHeaderKey(
  texts: Texts,
  io: InjectIo,
): Promise<string | undefined | { readonly error: string }> {
  const last = lastOf(texts);
  const variable = last.get('headerKeyVariable');
  if (variable !== undefined) {
    const key = io.variable(variable)?.trim();
    return (
      key || { error: `--header-key-variable: ${variable} is not set; export it with the key` }
    );
  }
  const file = last.get('headerKeyFile');
  if (file === undefined) return undefined;
  try {
    const key = (await io.readSmallFile(file))?.trim();
    return key || { error: `--header-key-file: there is no key in ${file}; write one into it` };
  } catch (error) {
    return { error: `--header-key-file ${file}: ${describe(error)}` };
  }
}
