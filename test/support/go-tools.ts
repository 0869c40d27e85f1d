import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Tools that `.ci/go-tools` builds, by the name of their file. */
export const goTools = {
  helm3: 'helm-v3.22.0',
  helm4: 'helm-v4.3.1',
  kustomize: 'kustomize-v5.8.1',
  yq: 'yq-v4.54.3',
} as const;

/** Path of a tool; undefined if it was not built on this machine. */
export function findGoTool(name: keyof typeof goTools): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const path = join(cache, 'workload-identity-imds-proxy/go-tools', goTools[name]);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
