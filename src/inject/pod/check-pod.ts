import { proxyGid, proxyUid } from '../../shared/redirect-contract.ts';
import { initName, proxyName, tokenVolume, webhook } from '../contract.ts';
import { ManifestError, UnsupportedPod } from '../manifest/manifest-error.ts';
import { isMap, type Path, type Value, type ValueMap, valueAt } from '../manifest/value.ts';
import type { InjectSettings, ProxyUser } from '../settings.ts';
import { toProxyVolumes } from './containers.ts';
import { getAt } from './pointer.ts';
import { containersOf, itemsOf, type PlacedContainer, specOf } from './shape.ts';

/**
 * Refuses pods in which the redirect or the proxy could not work, or would not protect.
 * @param template without any containers of ours.
 * @throws ManifestError naming the part at fault and what to do about it.
 */
export function checkPod(template: ValueMap, settings: InjectSettings, proxyPort: number): void {
  const spec = specOf(template);
  const hasRedirect = settings.initImage !== undefined;
  checkNode(spec, hasRedirect);
  const user =
    settings.proxyUser === 'none' ? { uid: proxyUid, gid: proxyGid } : settings.proxyUser;
  checkLifetime(spec, settings);
  if (settings.credentials.kind === 'webhook') checkSkipped(template);
  for (const container of containersOf(template)) {
    checkName(container);
    checkPorts(container, proxyPort, '--proxy-port');
    if (settings.adminPort !== 0) checkPorts(container, settings.adminPort, '--admin-port');
    if (hasRedirect && settings.passthrough !== 'off') {
      checkUser(container, spec, user);
    }
  }
  for (const name of volumesOf(settings)) {
    if (getAt(spec, ['volumes', name]) === undefined) continue;
    refuse(`the volume name ${name} is taken; rename it`, ['spec', 'volumes']);
  }
  for (const { kind, name } of settings.mounts) {
    if (kind !== 'volume' || getAt(spec, ['volumes', name]) !== undefined) continue;
    refuse(`--proxy-mount names the volume ${name}, which the pod does not have`, ['spec']);
  }
}

function volumesOf(settings: InjectSettings): readonly string[] {
  const own = settings.credentials.kind === 'own' ? [tokenVolume.name] : [];
  return [...own, ...toProxyVolumes(settings).map(({ name }) => name)];
}

function checkNode(spec: ValueMap, hasRedirect: boolean): void {
  if (isTrue(spec['hostNetwork'])) {
    const consequence = hasRedirect
      ? 'the redirect would catch the requests of the whole node'
      : 'the proxy would give its tokens to every process of the node';
    const message = `hostNetwork is true: ${consequence}; run without it, or leave this workload to the node's identity`;
    refuseForGood(message, ['spec', 'hostNetwork']);
  }
  const windows = findWindows(spec);
  if (windows !== undefined) {
    const message = hasRedirect
      ? 'a pod for Windows, which has no netfilter to redirect with; let its application ask for tokens itself (workload identity in its SDK)'
      : 'a pod for Windows, and the image of the proxy is for Linux; let its application ask for tokens itself (workload identity in its SDK)';
    refuseForGood(message, ['spec', ...windows]);
  }
  const virtual = findVirtualNode(spec);
  if (virtual !== undefined) {
    const message =
      'a pod for virtual nodes, which run no init containers with capabilities; run it on ordinary nodes';
    refuseForGood(message, ['spec', ...virtual]);
  }
}

const systemLabels = ['kubernetes.io/os', 'beta.kubernetes.io/os'];

/** What in a pod says that it runs on Windows; undefined if nothing does. */
function findWindows(spec: ValueMap): Path | undefined {
  if (getAt(spec, ['os', 'name']) === 'windows') return ['os'];
  for (const label of systemLabels) {
    if (getAt(spec, ['nodeSelector', label]) === 'windows') return ['nodeSelector', label];
  }
  const options: readonly Path[] = [
    ['securityContext', 'windowsOptions'],
    ...containersOf({ spec }).map(({ path }) => [
      ...path.slice(1),
      'securityContext',
      'windowsOptions',
    ]),
  ];
  const option = options.find((path) => isMap(valueAt(spec, path)));
  if (option !== undefined) return option;
  return requiresWindows(spec) ? ['affinity', 'nodeAffinity'] : undefined;
}

/** Whether every alternative that required node affinity leaves is Windows. */
function requiresWindows(spec: ValueMap): boolean {
  const terms = itemsOf(
    valueAt(spec, [
      'affinity',
      'nodeAffinity',
      'requiredDuringSchedulingIgnoredDuringExecution',
      'nodeSelectorTerms',
    ]),
  );
  const isWindows = (term: Value): boolean =>
    itemsOf(valueAt(term, ['matchExpressions'])).some((expression) => {
      if (!isMap(expression) || !systemLabels.includes(String(expression['key']))) return false;
      const values = itemsOf(expression['values']);
      if (expression['operator'] === 'In')
        return values.length > 0 && values.every((one) => one === 'windows');
      return expression['operator'] === 'NotIn' && values.includes('linux');
    });
  return terms.length > 0 && terms.every(isWindows);
}

/** A pod that asks for virtual nodes; one that merely tolerates them may run anywhere. */
function findVirtualNode(spec: ValueMap): Path | undefined {
  if (getAt(spec, ['nodeSelector', 'type']) === 'virtual-kubelet') return ['nodeSelector', 'type'];
  const role = 'kubernetes.io/role';
  return getAt(spec, ['nodeSelector', role]) === 'agent' &&
    itemsOf(spec['tolerations']).some(
      (one) => valueAt(one, ['key']) === 'virtual-kubelet.io/provider',
    )
    ? ['nodeSelector', role]
    : undefined;
}

/** A pod that should end does not while an ordinary container runs. */
function checkLifetime(spec: ValueMap, { sidecar }: InjectSettings): void {
  const { restartPolicy } = spec;
  if (sidecar === 'classic' && (restartPolicy === 'Never' || restartPolicy === 'OnFailure')) {
    const message = `a pod with restartPolicy ${restartPolicy} would never complete beside a classic sidecar; use --native-sidecar`;
    refuse(message, ['spec', 'restartPolicy']);
  }
}

/** The webhook would leave the proxy without its token. */
function checkSkipped(template: ValueMap): void {
  const path = ['metadata', 'annotations', webhook.skipAnnotation];
  const skipped = String(getAt(template, path) ?? '').split(';');
  if (!skipped.some((name) => name.trim() === proxyName)) return;
  refuse(
    `${webhook.skipAnnotation} keeps the webhook from ${proxyName}; take it out of there`,
    path,
  );
}

function checkName({ name, path }: PlacedContainer): void {
  if (name !== proxyName && name !== initName) return;
  const message = `the container name ${name} is taken by something else; rename it`;
  refuse(message, [...path, 'name']);
}

function checkPorts({ name, value, path }: PlacedContainer, port: number, flag: string): void {
  const taken = `port ${port} is taken by container ${name}; choose another with ${flag}`;
  const { ports } = value;
  for (const [index, item] of itemsOf(ports).entries()) {
    if (!isMap(item) || item['containerPort'] !== port) continue;
    if ((item['protocol'] ?? 'TCP') === 'TCP') refuse(taken, [...path, 'ports', index]);
  }
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    for (const handler of ['httpGet', 'tcpSocket', 'grpc']) {
      if (getAt(value, [probe, handler, 'port']) === port)
        refuse(taken, [...path, probe, handler, 'port']);
    }
  }
}

/** The redirect lets the proxy's user and group through, whoever else has them. */
function checkUser(
  { name, value, path }: PlacedContainer,
  spec: ValueMap,
  { uid, gid }: ProxyUser,
): void {
  const find = (key: string): Value | undefined =>
    getAt(value, ['securityContext', key]) ?? getAt(spec, ['securityContext', key]);
  const group = find('runAsGroup') ?? gid;
  if (find('runAsUser') !== uid || group !== gid) return;
  const message = `container ${name} runs as user ${uid}, as the proxy does, and would reach the node's identity; set another runAsUser, or --passthrough=off, which exempts nobody`;
  const isOwn = getAt(value, ['securityContext', 'runAsUser']) !== undefined;
  refuse(message, [...(isOwn ? path : ['spec']), 'securityContext', 'runAsUser']);
}

/** YAML 1.1, which Kubernetes reads, has more words for it than YAML 1.2. */
function isTrue(value: Value | undefined): boolean {
  return value === true || (typeof value === 'string' && /^(?:true|yes|on|y)$/i.test(value));
}

function refuse(message: string, path: Path): never {
  throw new ManifestError(message, { path });
}

function refuseForGood(message: string, path: Path): never {
  throw new UnsupportedPod(message, { path });
}
