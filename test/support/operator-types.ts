import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackNpmArchive } from './npm-archive.ts';

/** Types made of the Prometheus Operator's own sources, and of those of the API that they refer to. */
const archives = [
  {
    name: '@kubernetes-models/prometheus-operator',
    version: '6.0.0',
    integrity:
      'sha512-ySNW4T6U6Vn86bmcJ/emmAYJ/UrzpNvzxWexWJSALwgiO4FqCgL6WoqFsOReSiMhw/LlF+MljQvoiwD3RnaGmg==',
  },
  {
    name: '@kubernetes-models/apimachinery',
    version: '3.0.2',
    integrity:
      'sha512-6Vbzr/tinxPBGGdfYjXiV9WPj8PEhyiqGJiWhXrsihK7h6glPj4HKUxZ0YwYXH/5uucm/NVef/xY3vZ4Crj1Fg==',
  },
  {
    name: '@kubernetes-models/base',
    version: '6.0.1',
    integrity:
      'sha512-pXKCFeSoL6RsMxoPDwaJ5JtijVjeuNCacgtYS9dImF7qFdzdc9lcQbem6y6Ug7/K6/bFOWdTu3qIX88IK81o0A==',
  },
];
const modules = '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc');

/** A kind of the operator that we have objects of. */
type OperatorKind = 'PodMonitor' | 'PrometheusRule';

/** What the compiler says against an object of a kind: an unknown field, a missing one, a wrong type. */
export type FindOperatorFaults = (
  kind: OperatorKind,
  object: unknown,
) => Promise<readonly string[]>;

/** @throws where the types cannot be had */
export async function installOperatorTypes(folder: string): Promise<FindOperatorFaults> {
  for (const archive of archives) {
    await unpackNpmArchive(archive, join(folder, 'node_modules', archive.name));
  }
  return async (kind, object) => {
    const file = join(folder, 'manifest.mts');
    const literal = JSON.stringify(object, undefined, 1);
    const source = `import type { I${kind} } from '${modules}/${kind}';\nexport const manifest = ${literal} satisfies I${kind};\n`;
    await writeFile(file, source);
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    return promisify(execFile)(tsc, [...flags, file], { cwd: folder, timeout: 60_000 }).then(
      () => [],
      ({ stdout }: { readonly stdout: string }) => stdout.trim().split('\n'),
    );
  };
}
