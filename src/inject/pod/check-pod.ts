import { proxyGid, proxyUid } from '../../shared/redirect-contract.ts';
import { initName, proxyName, tokenVolume, webhook } from '../contract.ts';
import { ManifestError } from '../manifest/manifest-error.ts';
import { isMap, type Path, type Value, type ValueMap } from '../manifest/value.ts';
import type { InjectSettings } from '../settings.ts';
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
  checkLifetime(spec, settings);
  if (settings.credentials.kind === 'webhook') checkSkipped(template);
  for (const container of containersOf(template)) {
    checkName(container);
    checkPorts(container, proxyPort, '--proxy-port');
    if (settings.adminPort !== 0) checkPorts(container, settings.adminPort, '--admin-port');
    if (hasRedirect && settings.passthrough !== 'off') checkUser(container, spec);
  }
  if (
    settings.credentials.kind === 'own' &&
    getAt(spec, ['volumes', tokenVolume.name]) !== undefined
  ) {
    refuse(`the name of the volume ${tokenVolume.name} is taken; rename it`, ['spec', 'volumes']);
  }
}

function checkNode(spec: ValueMap, hasRedirect: boolean): void {
  if (isTrue(spec['hostNetwork'])) {
    const consequence = hasRedirect
      ? 'the redirect would catch the requests of the whole node'
      : 'the proxy would give its tokens to every process of the node';
    const message = `hostNetwork is true: ${consequence}; run without it, or leave this workload to the node's identity`;
    refuse(message, ['spec', 'hostNetwork']);
  }
  const system = getAt(spec, ['os', 'name']);
  const selected = getAt(spec, ['nodeSelector', 'kubernetes.io/os']);
  if (system === 'windows' || selected === 'windows') {
    const message = hasRedirect
      ? 'this is a pod for Windows, which has no netfilter to redirect with'
      : 'this is a pod for Windows, and the image of the proxy is one for Linux';
    refuse(message, ['spec', system === 'windows' ? 'os' : 'nodeSelector']);
  }
}

/** A pod that is to end does not while an ordinary container goes on. */
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
function checkUser({ name, value, path }: PlacedContainer, spec: ValueMap): void {
  const find = (key: string): Value | undefined =>
    getAt(value, ['securityContext', key]) ?? getAt(spec, ['securityContext', key]);
  const group = find('runAsGroup') ?? proxyGid;
  if (find('runAsUser') !== proxyUid || group !== proxyGid) return;
  const message = `container ${name} runs as user ${proxyUid}, as the proxy does, and would reach the node's identity; set another runAsUser, or --passthrough=off, which lets nobody through`;
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
