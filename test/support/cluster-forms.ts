import { stringify } from 'yaml';
import type { GeneratedCluster } from './cluster-arbitrary.ts';

/** Manifests as people write them, with comments and, if they say so, with Windows line ends, by the name of the file. */
export function toFiles(
  { objects, workloads }: GeneratedCluster,
  isWindows: boolean,
): Readonly<Record<string, string>> {
  const setup = objects.filter((one) => !workloads.includes(one));
  const join = (documents: readonly string[]): string => {
    const text = documents.join('---\n');
    return isWindows ? text.replaceAll('\n', '\r\n') : text;
  };
  return {
    'base/identities.yaml': join(setup.map((one) => stringify(one))),
    'base/workloads.yaml': join(
      workloads.map((one, index) => (index % 2 === 0 ? toCommented(one) : stringify(one))),
    ),
  };
}

function toCommented(object: object): string {
  return `# The team that owns it: ${Object(object).metadata.name}\n${stringify(object)
    .replace(/^(\s*)containers:$/m, '$1containers: # one')
    .replace(/^(\s*)(app: .*)$/m, '$1# for the Service\n$1$2   # name')}# the end\n`;
}

/** What `kubectl get -o yaml` prints, with the fields that the API server adds. */
export function toDump({ objects }: GeneratedCluster): string {
  return stringify({
    apiVersion: 'v1',
    items: objects.map(toDumped),
    kind: 'List',
    metadata: { resourceVersion: '' },
  });
}

function toDumped(object: object): object {
  const { metadata, ...rest } = Object(object);
  return {
    ...rest,
    metadata: {
      ...metadata,
      creationTimestamp: '2024-01-01T00:00:00Z',
      uid: 'c0ffee',
      resourceVersion: '1',
    },
    status: {},
  };
}
