import { defaultAdminPort } from '../../../inject/contract.ts';
import { isMap, valueAt } from '../../../inject/manifest/value.ts';
import { getAt } from '../../../inject/pod/pointer.ts';
import { itemsOf } from '../../../inject/pod/shape.ts';
import { MIN_MEMORY_LIMIT_BYTES } from '../../../proxy/process/memory.ts';
import { proxyGid, proxyPort, proxyUid } from '../../../shared/redirect-contract.ts';
import type { Finding } from '../causes.ts';
import { type Container, findMemoryLimit, findSetting } from '../container.ts';
import type { Pod } from '../pod.ts';

const MIB = 1_024 * 1_024;

/** Whether the proxy gets the memory that it needs. Upstream's needs less. */
export function* checkMemory({ proxy, subject }: Pod): Generator<Finding> {
  const limit = proxy && findMemoryLimit(proxy);
  if (proxy === undefined || limit === undefined || proxy.isUpstream) return;
  if (limit >= MIN_MEMORY_LIMIT_BYTES) return;
  const least = MIN_MEMORY_LIMIT_BYTES / MIB;
  yield {
    cause: 'memory-limit',
    detail: `resources.limits.memory of ${proxy.name} is ${Math.floor(limit / MIB)} MiB, and ${least} MiB is the minimum: tokens take seconds, or the kernel ends the proxy`,
    fix: `Set resources.limits.memory of ${proxy.name} in ${subject.kind} ${subject.namespace}/${subject.name} to ${least}Mi or more, or the default of the namespace's LimitRange: kubectl get limitrange --namespace ${subject.namespace} --output yaml`,
  };
}

/** Whether another container says that it listens where the proxy does. */
export function* checkTakenPorts({ proxy, apps }: Pod): Generator<Finding> {
  if (proxy === undefined) return;
  const port = Number(findSetting(proxy, 'proxy-port', 'IMDS_PROXY_PROXY_PORT') ?? proxyPort);
  const holder = apps.find((app) => hasPort(app, port));
  if (holder !== undefined) {
    yield {
      cause: 'proxy-port-taken',
      detail: `the container ${holder.name} has port ${port} as well as ${proxy.name}: whichever comes second ends`,
      fix: `Give ${proxy.name} another port: proxy inject --proxy-port, or the annotation azure.workload.identity/proxy-sidecar-port.`,
    };
  }
  const admin = Number(
    findSetting(proxy, 'admin-port', 'IMDS_PROXY_ADMIN_PORT') ?? defaultAdminPort,
  );
  const other = apps.find((app) => hasPort(app, admin));
  if (other === undefined || proxy.isUpstream || admin === 0) return;
  yield {
    cause: 'admin-port-taken',
    detail: `the container ${other.name} has port ${admin}, the admin port of ${proxy.name}: health and metrics are missing, and a liveness probe asks the wrong program`,
    fix: `Give ${proxy.name} another admin port: proxy inject --admin-port, or IMDS_PROXY_ADMIN_PORT.`,
  };
}

function hasPort({ spec }: Container, port: number): boolean {
  const listens = itemsOf(spec['ports']).some(
    (one) =>
      valueAt(one, ['containerPort']) === port && (valueAt(one, ['protocol']) ?? 'TCP') === 'TCP',
  );
  const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'];
  return (
    listens ||
    probes.some((probe) =>
      ['httpGet', 'tcpSocket', 'grpc'].some(
        (handler) => getAt(spec, [probe, handler, 'port']) === port,
      ),
    )
  );
}

/** Users and groups: whom the redirect exempts, and who has them. */
export function* checkUsers(pod: Pod): Generator<Finding> {
  const { proxy, init, apps } = pod;
  if (proxy === undefined) return;
  const ids = toIds(pod, proxy);
  if (ids.user === 0 && findId(pod, proxy, 'runAsNonRoot') === true) {
    yield {
      cause: 'proxy-as-root',
      detail: `runAsUser 0 of the pod applies to ${proxy.name}, which has runAsNonRoot: the kubelet does not start it`,
      fix: `Set securityContext.runAsUser: ${proxyUid} on ${proxy.name} (proxy inject and the policies of deploy/policies do), or runAsUser on the application's containers instead of the pod.`,
    };
  }
  if (init === undefined) return;
  const exempt = init.isUpstream ? 'uid' : (findSetting(init, 'exempt', 'INIT_EXEMPT') ?? 'uid');
  const user = Number(findSetting(init, 'proxy-uid', 'PROXY_UID') ?? proxyUid);
  const group = Number(findSetting(init, 'proxy-gid', 'PROXY_GID') ?? proxyGid);
  if (exempt !== 'uid' && exempt !== 'uid+gid') return;
  const app = apps.find((one) => {
    const own = toIds(pod, one);
    return own.user === user && (exempt === 'uid' || own.group === group);
  });
  if (app !== undefined) {
    yield {
      cause: 'app-as-proxy-user',
      detail: `the container ${app.name} runs as user ${user}, whom the redirect exempts: its requests to 169.254.169.254 get the node's identity`,
      fix: `Set another runAsUser for ${app.name}. Or exempt nobody: INIT_EXEMPT=none on ${init.name} and IMDS_PROXY_PASSTHROUGH=off on ${proxy.name}.`,
    };
  }
  const passthrough = proxy.isUpstream
    ? 'all'
    : (findSetting(proxy, 'passthrough', 'IMDS_PROXY_PASSTHROUGH') ?? 'instance');
  const own = ids.user ?? proxyUid;
  if (passthrough === 'off' || own === user) return;
  yield {
    cause: 'proxy-user',
    detail: `${proxy.name} runs as user ${own}, and the redirect exempts user ${user}: requests that the proxy passes on to the metadata service come back to it, and pass-through turns itself off`,
    fix: `Set securityContext.runAsUser: ${user} on ${proxy.name}; a runAsUser of the pod applies to it as well. If you need no pass-through: IMDS_PROXY_PASSTHROUGH=off on ${proxy.name}.`,
  };
}

function toIds(
  pod: Pod,
  container: Container,
): { readonly user: unknown; readonly group: unknown } {
  return { user: findId(pod, container, 'runAsUser'), group: findId(pod, container, 'runAsGroup') };
}

/** Of the container, else of the pod; undefined if the image decides. */
function findId({ spec }: Pod, container: Container, key: string): unknown {
  const own = container.spec['securityContext'];
  const shared = spec['securityContext'];
  return (isMap(own) ? own[key] : undefined) ?? (isMap(shared) ? shared[key] : undefined);
}
