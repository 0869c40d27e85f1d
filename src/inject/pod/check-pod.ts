import { proxyGid, proxyUid } from '../../shared/redirect-contract.ts';
import { initName, proxyName, tokenVolume, webhook } from '../contract.ts';
import { ManifestError, UnsupportedPod } from '../manifest/manifest-error.ts';
import { isMap, type Path, type Value, type ValueMap } from '../manifest/value.ts';
import type { InjectSettings, ProxyUser } from '../settings.ts';
import { toProxyVolumes } from './containers.ts';
import { findPlatform, type Platform } from './platform.ts';
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
  const platform = findPlatform(spec);
  if (platform === undefined) return;
  refuseForGood(platform.kind, whyUnsupported(platform.kind, hasRedirect), [
    'spec',
    ...platform.path,
  ]);
}

function whyUnsupported(kind: Platform['kind'], hasRedirect: boolean): string {
  switch (kind) {
    case 'host-network': {
      const consequence = hasRedirect
        ? 'the redirect would catch the requests of the whole node'
        : 'the proxy would give its tokens to every process of the node';
      return `hostNetwork is true: ${consequence}; run without it, or leave this workload to the node's identity`;
    }
    case 'windows':
      return hasRedirect
        ? 'a pod for Windows, which has no netfilter to redirect with; let its application ask for tokens itself (workload identity in its SDK)'
        : 'a pod for Windows, and the image of the proxy is for Linux; let its application ask for tokens itself (workload identity in its SDK)';
    case 'virtual-node':
      return 'a pod for virtual nodes, which run no init containers with capabilities; run it on ordinary nodes';
  }
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

function refuse(message: string, path: Path): never {
  throw new ManifestError(message, { path });
}

function refuseForGood(reason: UnsupportedPod['reason'], message: string, path: Path): never {
  throw new UnsupportedPod(reason, message, { path });
}
