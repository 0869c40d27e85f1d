import { webhook } from '../contract.ts';
import { isMap, type Value, type ValueMap } from '../manifest/value.ts';
import type { PodSecurity } from '../object-index.ts';
import type { InjectSettings } from '../settings.ts';
import type { PodContext } from './context.ts';
import type { ServiceAccount } from './credentials.ts';
import { getAt } from './pointer.ts';
import { containersOf, specOf } from './shape.ts';

/**
 * What whoever injects should know about this pod.
 * @param template without any containers of ours.
 */
export function toNotes(
  template: ValueMap,
  settings: InjectSettings,
  { account, podSecurity, isHook }: PodContext,
): readonly string[] {
  return [
    ...noteHook(isHook),
    ...notePodSecurity(settings, podSecurity),
    ...noteIdentity(template, settings, account),
    ...noteInitContainers(template, settings),
    ...noteQualityOfService(template, settings),
  ];
}

function noteHook(isHook: boolean): readonly string[] {
  return isHook
    ? [
        'a hook of a Helm chart: helm install and upgrade do not pass hooks to a post-renderer in Helm 3; see docs/inject.md, Helm',
      ]
    : [];
}

/** Levels of Pod Security that take the pod as it will be. */
function notePodSecurity(
  { initImage, proxyUser }: InjectSettings,
  level: PodSecurity | undefined,
): readonly string[] {
  if (level === undefined || level === 'privileged') return [];
  if (initImage !== undefined) {
    return [
      `its namespace enforces Pod Security ${level}, which refuses NET_ADMIN: the pod will be rejected; use --no-redirect, or set the level to privileged`,
    ];
  }
  return proxyUser === 'none' && level === 'restricted'
    ? [
        'its namespace enforces Pod Security restricted: the proxy needs a user that is not root from the cluster, or --proxy-user with an ID',
      ]
    : [];
}

function noteIdentity(
  template: ValueMap,
  { credentials }: InjectSettings,
  account: ServiceAccount | undefined,
): readonly string[] {
  const name = specOf(template)['serviceAccountName'];
  const isNamed = typeof name === 'string' && name !== 'default';
  if (!isNamed) {
    return ['it has no serviceAccountName: its identity is that of the ServiceAccount default'];
  }
  const isOwn = credentials.kind === 'own';
  const hasClientId =
    (isOwn && credentials.clientId !== undefined) || account?.clientId !== undefined;
  // Without the ServiceAccount at hand, only the webhook knows its annotations.
  if (hasClientId || (account === undefined && !isOwn)) return [];
  const where = `ServiceAccount ${name} has no annotation ${webhook.clientIdAnnotation}`;
  return [
    account === undefined
      ? 'no client ID is known: every request must name one (pass --client-id to set it)'
      : `${where}: every request must name a client ID`,
  ];
}

function noteInitContainers(
  template: ValueMap,
  { sidecar, initImage }: InjectSettings,
): readonly string[] {
  const hasInits = containersOf(template).some(({ list }) => list === 'initContainers');
  if (sidecar === 'native' || !hasInits) return [];
  const requests = initImage === undefined ? 'for tokens' : 'to 169.254.169.254';
  return [
    `its init containers run before the classic sidecar: their requests ${requests} are refused`,
  ];
}

/** Kubernetes' class Guaranteed is lost to the whole pod if one container has no limits. */
function noteQualityOfService(
  template: ValueMap,
  { resources }: InjectSettings,
): readonly string[] {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources;
  const isOurs = [
    [cpuRequest, cpuLimit],
    [memoryRequest, memoryLimit],
  ].every(([request, limit]) => limit !== undefined && (request ?? limit) === limit);
  const isPodLevel = specOf(template)['resources'] !== undefined;
  if (isOurs || isPodLevel || !containersOf(template).every(({ value }) => isGuaranteed(value))) {
    return [];
  }
  return [
    'its class was Guaranteed and becomes Burstable: set --cpu-limit and --memory-limit equal to the requests to keep it',
  ];
}

function isGuaranteed(container: ValueMap): boolean {
  return ['cpu', 'memory'].every((resource) => {
    const limit: Value | undefined = getAt(container, ['resources', 'limits', resource]);
    const requests = getAt(container, ['resources', 'requests']);
    const request = isMap(requests) ? (requests[resource] ?? limit) : limit;
    return limit !== undefined && request === limit;
  });
}
