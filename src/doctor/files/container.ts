import { initName, proxyName } from '../../inject/contract.ts';
import { isMap, type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { toAmount } from '../../inject/option-types.ts';
import { getAt } from '../../inject/pod/pointer.ts';
import { itemsOf, type PlacedContainer } from '../../inject/pod/shape.ts';

/** What a container is to the redirect. */
export type Role = 'proxy' | 'init' | 'app';

/** A variable of a container. The value is undefined if it comes from a Secret, a ConfigMap or a field. */
export interface Variable {
  readonly value: string | undefined;
}

/** What the kubelet says of a container that ended. */
export interface Ending {
  readonly exitCode: number;
  /** Such as OOMKilled. */
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatus {
  readonly isReady: boolean;
  readonly isRunning: boolean;
  readonly restarts: number;
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  /** How it ended now, else how it ended before it was started again. */
  readonly ended: Ending | undefined;
}

/** A container of a pod, as far as the rules look at it. */
export interface Container {
  readonly name: string;
  readonly role: Role;
  readonly list: PlacedContainer['list'];
  readonly image: string;
  /** From azure-workload-identity, and so without the settings of ours. */
  readonly isUpstream: boolean;
  readonly spec: ValueMap;
  readonly variables: ReadonlyMap<string, Variable>;
  /** undefined for a template, and until the kubelet has reported. */
  readonly status: ContainerStatus | undefined;
}

/** @param cleanText takes secrets out of a text from the cluster. */
export function toContainer(
  { list, name, value }: PlacedContainer,
  podStatus: Value | undefined,
  cleanText: (text: string) => string,
): Container {
  const image = toText(value['image']);
  const statuses = list === 'containers' ? 'containerStatuses' : 'initContainerStatuses';
  const status = getAt(podStatus, [statuses, name]);
  return {
    name,
    role: toRole(name, image, value),
    list,
    image,
    isUpstream: /(?:^|\/)azure\/workload-identity\/proxy(?:-init)?(?:[:@]|$)/.test(image),
    spec: value,
    variables: toVariables(value),
    status: isMap(status) ? toStatus(status, cleanText) : undefined,
  };
}

/** By name, else by what only these containers have: upstream's examples call them `proxy` and `init-networking`. */
function toRole(name: string, image: string, spec: ValueMap): Role {
  if (name === proxyName) return 'proxy';
  if (name === initName) return 'init';
  const imageName = /([^/:@]+)(?::[^/]*)?(?:@.*)?$/.exec(image)?.[1] ?? '';
  const isInit =
    getAt(spec, ['env', 'PROXY_PORT']) !== undefined || imageName.startsWith('proxy-init');
  if (isInit && (imageName.includes('init') || hasNetAdmin(spec))) return 'init';
  const isProxy = itemsOf(spec['args']).some((one) => /^--?proxy-port/.test(String(one)));
  return isProxy || /(?:^|\/)azure\/workload-identity\/proxy(?:[:@]|$)/.test(image)
    ? 'proxy'
    : 'app';
}

export function hasNetAdmin(spec: ValueMap): boolean {
  const added = valueAt(spec, ['securityContext', 'capabilities', 'add']);
  return itemsOf(added).some((one) => /^(?:CAP_)?(?:NET_ADMIN|ALL)$/i.test(String(one)));
}

function toVariables(spec: ValueMap): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  for (const item of itemsOf(spec['env'])) {
    const name = valueAt(item, ['name']);
    if (typeof name !== 'string' || !isMap(item)) continue;
    const value = item['valueFrom'] === undefined ? toText(item['value']) : undefined;
    // Empty equals unset, as for the proxy itself.
    if (value !== '') variables.set(name, { value });
  }
  return variables;
}

/** A setting of a proxy: its flag, else its variable. undefined if it is not set, or set elsewhere. */
export function findSetting(
  { spec, variables }: Container,
  flag: string,
  variable: string,
): string | undefined {
  const args = [...itemsOf(spec['command']), ...itemsOf(spec['args'])].map(String);
  for (const [index, arg] of args.entries()) {
    const [, name, value] = /^--?([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === flag) return value ?? args[index + 1];
  }
  return variables.get(variable)?.value;
}

/** Bytes; undefined for no limit, or one that is not a quantity. */
export function findMemoryLimit({ spec }: Container): number | undefined {
  const limit = valueAt(spec, ['resources', 'limits', 'memory']);
  const bytes = limit === undefined ? Number.NaN : toAmount(toText(limit));
  return Number.isFinite(bytes) && bytes > 0 ? bytes : undefined;
}

function toStatus(status: ValueMap, cleanText: (text: string) => string): ContainerStatus {
  const waiting = valueAt(status, ['state', 'waiting']);
  const ended = [
    valueAt(status, ['state', 'terminated']),
    valueAt(status, ['lastState', 'terminated']),
  ].find(isMap);
  return {
    isReady: status['ready'] === true,
    isRunning: isMap(valueAt(status, ['state', 'running'])),
    restarts: Number(status['restartCount'] ?? 0) || 0,
    waiting: isMap(waiting)
      ? { reason: toText(waiting['reason']), message: cleanText(toText(waiting['message'])) }
      : undefined,
    ended: ended && {
      exitCode: Number(ended['exitCode'] ?? 0),
      reason: toText(ended['reason']),
      message: cleanText(toText(ended['message'])),
    },
  };
}

export function toText(value: Value | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
