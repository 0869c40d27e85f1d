import { dirname, join } from 'node:path/posix';
import { readValue } from './manifest/read-value.ts';
import { isList, isMap, type Value, type ValueMap } from './manifest/value.ts';

/** Names under which kustomize finds its configuration. */
export const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** Files that a kustomization names as something else than objects, with their role. */
export type FileRoles = ReadonlyMap<string, string>;

/**
 * What a kustomization takes the files around it for, by their paths.
 * @param path of the kustomization, with `/` between its parts.
 */
export function findFileRoles(path: string, text: string): FileRoles {
  const roles = new Map<string, string>();
  const value = readValue(text);
  if (!isMap(value)) return roles;
  const folder = dirname(path);
  const add = (file: Value | undefined, role: string): void => {
    if (typeof file !== 'string' || /[\n{]|^[a-z]+:\/\//.test(file)) return;
    roles.set(join(folder, file.replace(/^[^/=]+=/, '')), `${role} of ${path}`);
  };
  const addPaths = (key: string, role: string): void => {
    for (const item of listOf(value, key)) add(isMap(item) ? item['path'] : item, role);
  };

  addPaths('patches', 'a patch');
  addPaths('patchesStrategicMerge', 'a patch');
  addPaths('patchesJson6902', 'a patch');
  addPaths('replacements', 'a replacement');
  addPaths('transformers', 'a transformer');
  addPaths('generators', 'a generator');
  addPaths('validators', 'a validator');
  addPaths('configurations', 'a configuration');
  addPaths('crds', 'a schema');
  add(isMap(value['openapi']) ? value['openapi']['path'] : undefined, 'a schema');
  for (const key of ['configMapGenerator', 'secretGenerator']) {
    for (const generator of listOf(value, key)) {
      if (!isMap(generator)) continue;
      for (const file of listOf(generator, 'files')) add(file, 'data');
      for (const file of [...listOf(generator, 'envs'), generator['env']]) add(file, 'data');
    }
  }
  for (const chart of listOf(value, 'helmCharts')) {
    if (!isMap(chart)) continue;
    add(chart['valuesFile'], 'a values file');
    for (const file of listOf(chart, 'additionalValuesFiles')) add(file, 'a values file');
  }
  return roles;
}

function listOf(value: ValueMap, key: string): readonly Value[] {
  const list = value[key];
  return isList(list) ? list : [];
}
