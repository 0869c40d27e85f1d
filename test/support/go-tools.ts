import { createHash } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Tools that `.ci/go-tools` builds, by the name of their file. */
export const goTools = {
  actionlint: 'actionlint-v1.7.12',
  hcldec: 'hcldec-v2.25.0',
  hclfmt: 'hclfmt-v2.25.0',
  helm3: 'helm-v3.22.0',
  helm4: 'helm-v4.3.1',
  kustomize: 'kustomize-v5.8.1',
  yq: 'yq-v4.54.3',
  policyEvaluation: `policy-evaluation-${digestSources(join(import.meta.dirname, 'policy-evaluation'))}`,
  // Built by `.ci/go-tools release`.
  buildkitd: 'buildkitd-v0.34.0',
  buildx: 'buildx-v0.38.2',
  cosign: 'cosign-v3.1.3',
  crane: 'crane-v0.22.1',
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

/** As `.ci/go-tools` names a program that it builds from our own sources. */
function digestSources(folder: string): string {
  const programs = readdirSync(folder).filter((name) => name.endsWith('.go'));
  const digest = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', ...programs.sort()]) {
    digest.update(readFileSync(join(folder, name)));
  }
  return digest.digest('hex').slice(0, 12);
}
