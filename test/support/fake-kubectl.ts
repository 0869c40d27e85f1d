/**
 * Plays `kubectl` for cleanup.sh, as fake-az.ts plays az: a small cluster in a file.
 * Environment: FAKE_CLUSTER, the file; FAKE_LOG, a file that gets every command line as a line of JSON.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

/** What the cluster has. */
export interface ClusterState {
  /** `NAMESPACE/NAME` of objects, by their resource without its group. */
  readonly objects: Record<string, string[]>;
  /** Resources of AAD Pod Identity that have a CustomResourceDefinition. */
  definitions: string[];
  /** Pods with the label: their name and the names of their containers. */
  readonly pods: readonly { readonly name: string; readonly containers: string }[];
  /** Releases of Helm by KIND/NAMESPACE/NAME. */
  readonly releases: Readonly<Record<string, string>>;
  /** MIC runs: an AzureAssignedIdentity is gone when its binding is. */
  readonly micRuns: boolean;
}

const group = '.aadpodidentity.k8s.io';
const { FAKE_CLUSTER: stateFile = '', FAKE_LOG: logFile = '' } = process.env;
const argv = process.argv.slice(2);
appendFileSync(logFile, `${JSON.stringify(['kubectl', ...argv])}\n`);
const state: ClusterState = JSON.parse(readFileSync(stateFile, 'utf8'));
process.exitCode = run();
writeFileSync(stateFile, JSON.stringify(state));

function run(): number {
  const words = argv.filter((word) => !word.startsWith('-'));
  const [verb, type = '', name = ''] = words;
  const namespace = argv
    .find((word) => word.startsWith('--namespace='))
    ?.slice('--namespace='.length);
  const resource = type.replace(group, '');
  switch (verb) {
    case 'config':
      return print('test');
    case 'get':
      return get(type, resource, namespace, name);
    case 'delete':
      if (!argv.includes('--ignore-not-found') || !argv.includes('--'))
        return refuse('unsafe delete');
      return remove(resource, namespace, name);
    case 'patch':
      return 0;
    default:
      return refuse(`unknown command ${verb}`);
  }
}

function get(type: string, resource: string, namespace: string | undefined, name: string): number {
  switch (type) {
    case 'customresourcedefinitions':
      return print(
        state.definitions
          .map((one) => `customresourcedefinition.apiextensions.k8s.io/${one}${group}`)
          .join('\n'),
      );
    case 'pods':
      return print(state.pods.map((pod) => `${pod.name}\t${pod.containers}`).join('\n'));
    case 'clusterroles,clusterrolebindings,serviceaccounts':
      return print('clusterrole.rbac.authorization.k8s.io/aad-pod-id-mic-role');
    default:
      if (name !== '') return print(state.releases[`${type}/${namespace}/${name}`] ?? '');
      if (!state.definitions.includes(resource)) return refuse(`no resource type "${type}"`);
      return print(
        (state.objects[resource] ?? []).map((one) => one.replace('/', '   ')).join('\n'),
      );
  }
}

function remove(resource: string, namespace: string | undefined, name: string): number {
  if (resource === 'customresourcedefinition') {
    state.definitions = state.definitions.filter((one) => `${one}${group}` !== name);
    return 0;
  }
  const id = `${namespace}/${name}`;
  state.objects[resource] = (state.objects[resource] ?? []).filter((one) => one !== id);
  const bindings = state.objects['azureidentitybindings'] ?? [];
  if (state.micRuns && bindings.length === 0) state.objects['azureassignedidentities'] = [];
  return print(`${resource} "${name}" deleted`);
}

function print(text: string): number {
  if (text !== '') process.stdout.write(`${text}\n`);
  return 0;
}

function refuse(message: string): number {
  process.stderr.write(`error: ${message}\n`);
  return 1;
}
