import { appService, webhook } from '../../../inject/contract.ts';
import { valueAt } from '../../../inject/manifest/value.ts';
import { proxyPort } from '../../../shared/redirect-contract.ts';
import type { Finding } from '../causes.ts';
import { type Container, findSetting, hasNetAdmin } from '../container.ts';
import type { Pod } from '../pod.ts';

/** Whether the pod's containers make a whole: one redirect, one proxy, in an order that works. */
export function* checkContainers(pod: Pod): Generator<Finding> {
  const { containers, proxy, init, subject } = pod;
  const namesOf = (role: Container['role']): readonly string[] =>
    containers.filter((one) => one.role === role).map(({ name }) => name);
  for (const names of [namesOf('proxy'), namesOf('init')]) {
    if (names.length < 2) continue;
    yield {
      cause: 'two-proxies',
      detail: `the pod has ${names.length} containers for one job: ${names.join(', ')}`,
      fix: `Keep one. If the webhook injects them, remove the annotation ${webhook.injectAnnotation}, or the containers from the manifest (proxy uninject removes what proxy inject added).`,
    };
  }
  if (init !== undefined) yield* checkInit(init);
  if (init !== undefined && proxy === undefined) {
    yield {
      cause: 'proxy-missing',
      detail: `the pod has ${init.name} and no proxy: every request to 169.254.169.254 is refused`,
      fix: `Add the proxy: proxy inject, or the annotation ${webhook.injectAnnotation}: "true" for the webhook.`,
    };
  }
  if (proxy === undefined) return;
  if (init === undefined && !isPointed(pod)) {
    yield {
      cause: 'redirect-missing',
      detail: `the pod has ${proxy.name} and no proxy-init: requests to 169.254.169.254 reach the node's metadata service and get the node's identity`,
      fix: `Add the init container: proxy inject --init-image=<IMAGE>. Where NET_ADMIN is forbidden: proxy inject --no-redirect (docs/without-redirect.md).`,
    };
  }
  const isNative = proxy.list === 'initContainers';
  if (isNative && valueAt(proxy.spec, ['restartPolicy']) !== 'Always') {
    yield {
      cause: 'sidecar-not-native',
      detail: `${proxy.name} is an init container without restartPolicy: Always, and the containers after it wait for its end`,
      fix: `Set restartPolicy: Always on it (Kubernetes 1.29 and newer), or move it to containers.`,
    };
  }
  const policy = valueAt(pod.spec, ['restartPolicy']);
  if (!isNative && (policy === 'Never' || policy === 'OnFailure')) {
    yield {
      cause: 'job-never-ends',
      detail: `restartPolicy is ${policy}, and ${proxy.name} is an ordinary container that never ends by itself`,
      fix: `Make it a native sidecar: proxy inject --native-sidecar, or webhook 1.5 on Kubernetes 1.32 and newer. Then create ${subject.kind} ${subject.namespace}/${subject.name} again.`,
    };
  }
  yield* checkOrder(pod, proxy);
}

/** Without the redirect, the environment tells the application where the proxy is. */
function isPointed({ apps, proxy }: Pod): boolean {
  const names = appService.clientVariables.map(([where]) => where);
  return (
    proxy?.variables.has(appService.proxyVariable) === true ||
    apps.some(({ variables }) => names.some((name) => variables.has(name)))
  );
}

function* checkInit({ name, spec }: Container): Generator<Finding> {
  const security = spec['securityContext'];
  const isPrivileged = valueAt(security, ['privileged']) === true;
  const user = valueAt(security, ['runAsUser']);
  const fix = `On ${name} set securityContext: {runAsUser: 0, runAsNonRoot: false, capabilities: {drop: [ALL], add: [NET_ADMIN]}}.`;
  if (!isPrivileged && !hasNetAdmin(spec)) {
    yield {
      cause: 'no-net-admin',
      detail: `${name} has no NET_ADMIN, without which nobody may write the redirect`,
      fix,
    };
  } else if (typeof user === 'number' && user !== 0) {
    yield {
      cause: 'no-net-admin',
      detail: `${name} runs as user ${user}, who does not get the capability NET_ADMIN`,
      fix,
    };
  }
}

function* checkOrder({ containers, init, subject }: Pod, proxy: Container): Generator<Finding> {
  if (init === undefined) return;
  const starting = containers.filter(({ list }) => list === 'initContainers');
  const at = starting.indexOf(init);
  const early = starting.slice(0, at).filter(({ role }) => role === 'app');
  const advice = `proxy inject and the policies of deploy/policies put ${init.name} first. A webhook that runs after them does not.`;
  if (early.length > 0) {
    yield {
      cause: 'init-order',
      detail: `${toNames(early)} before ${init.name}: their requests to 169.254.169.254 get the node's identity`,
      fix: `Put ${init.name} before the other init containers of ${subject.kind} ${subject.namespace}/${subject.name}. ${advice}`,
    };
  }
  const from = starting.indexOf(proxy);
  const late = starting
    .slice(at + 1, from === -1 ? undefined : Math.max(from, at + 1))
    .filter(({ role }) => role === 'app');
  if (late.length === 0) return;
  yield {
    cause: 'init-before-proxy',
    detail: `${toNames(late)} after ${init.name} and before ${proxy.name}: their requests to 169.254.169.254 are refused`,
    fix: `Make the proxy a native sidecar right after ${init.name}: proxy inject --native-sidecar.`,
  };
}

function toNames(containers: readonly Container[]): string {
  const names = containers.map(({ name }) => name);
  return names.length === 1
    ? `the init container ${names[0]} runs`
    : `the init containers ${names.join(', ')} run`;
}

/** The port that redirect and proxy agree on. */
export function* checkPorts({ proxy, init, annotation }: Pod): Generator<Finding> {
  const asked = annotation(webhook.portAnnotation);
  if (asked !== undefined && toPort(asked) === undefined) {
    yield {
      cause: 'port-form',
      detail: `the annotation ${webhook.portAnnotation} is not a port from 1 to 65535`,
      fix: `Set it to a free port, or remove it: ${proxyPort} is the default.`,
    };
  }
  if (proxy === undefined || init === undefined) return;
  const listens = toPort(
    findSetting(proxy, 'proxy-port', 'IMDS_PROXY_PROXY_PORT') ?? `${proxyPort}`,
  );
  const leads = toPort(findSetting(init, 'proxy-port', 'PROXY_PORT') ?? `${proxyPort}`);
  if (listens === undefined || leads === undefined || listens === leads) return;
  yield {
    cause: 'port-mismatch',
    detail: `${init.name} redirects to port ${leads}, and ${proxy.name} listens on ${listens}`,
    fix: `Set PROXY_PORT of ${init.name} to ${listens}, or --proxy-port of ${proxy.name} to ${leads}.`,
  };
}

function toPort(text: string): number | undefined {
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : Number.NaN;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
