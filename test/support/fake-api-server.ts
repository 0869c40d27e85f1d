import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stringify } from 'yaml';

/** An API server that knows only which kinds it has, and a few objects. Enough for the dry run of an installation. */
export interface FakeApiServer extends AsyncDisposable {
  readonly kubeconfig: string;
}

export interface FakeCluster {
  /** Such as `1.36`. */
  readonly version: string;
  /** `group/version/Kind`, besides those of every cluster. */
  readonly kinds: readonly string[];
  /** Objects by the path of their list. */
  readonly lists?: Readonly<Record<string, readonly object[]>>;
}

/** Kinds that every Kubernetes has, as far as the chart may make them. */
const everywhere = [
  'v1/Pod',
  'v1/Secret',
  'v1/ConfigMap',
  'rbac.authorization.k8s.io/v1/ClusterRole',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding',
  'networking.k8s.io/v1/NetworkPolicy',
];
const namespaced = /\/(Pod|Secret|ConfigMap|NetworkPolicy|PodMonitor|PrometheusRule)$/;

/** Starts one on loopback. */
export async function startFakeApiServer(cluster: FakeCluster): Promise<FakeApiServer> {
  const server = createServer((request, response) => {
    const answer = respond(cluster, request);
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        answer ?? {
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          reason: 'NotFound',
          code: 404,
        },
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: `http://127.0.0.1:${port}` } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      users: [{ name: 'fake', user: { token: 'none' } }],
      'current-context': 'fake',
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function respond(
  { version, kinds, lists = {} }: FakeCluster,
  { method, url = '' }: IncomingMessage,
): object | undefined {
  if (method !== 'GET') return undefined;
  const path = new URL(url, 'http://localhost').pathname;
  const groups = toGroups([...everywhere, ...kinds]);
  const list = lists[path];
  if (list !== undefined) return { kind: 'List', apiVersion: 'v1', items: list };
  if (/^\/api\/v1\/namespaces\/[^/]+\/secrets$/.test(path)) {
    return { kind: 'SecretList', apiVersion: 'v1', items: [] };
  }
  switch (path) {
    case '/version': {
      const [major, minor] = version.split('.');
      return { major, minor, gitVersion: `v${version}.0` };
    }
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'] };
    case '/apis': {
      const named = [...groups.keys()].filter((group) => group.includes('/'));
      return {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: [...new Set(named.map((group) => group.split('/')[0]))].map((name) => {
          const versions = named
            .filter((group) => group.startsWith(`${name}/`))
            .map((groupVersion) => ({ groupVersion, version: groupVersion.split('/')[1] }));
          return { name, versions, preferredVersion: versions[0] };
        }),
      };
    }
    default: {
      const group = path.replace(/^\/apis?\//, '');
      const resources = groups.get(group);
      return (
        resources && { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group, resources }
      );
    }
  }
}

function toGroups(kinds: readonly string[]): ReadonlyMap<string, readonly object[]> {
  const groups = new Map<string, object[]>();
  for (const each of kinds) {
    const [group = '', kind = ''] = [each.replace(/\/[^/]+$/, ''), each.replace(/^.*\//, '')];
    const name = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
    const resource = {
      name,
      singularName: kind.toLowerCase(),
      namespaced: namespaced.test(each),
      kind,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    };
    groups.set(group, [...(groups.get(group) ?? []), resource]);
  }
  return groups;
}
