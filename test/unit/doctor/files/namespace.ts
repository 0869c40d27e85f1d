import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { CheckResult } from '../../../../src/doctor/engine/check.ts';
import { toResults } from '../../../../src/doctor/files/report.ts';
import { surveySources } from '../../../../src/doctor/files/survey.ts';

/** An object of Kubernetes, to change at will. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into any part of any object
export type Editable = any;

/** What `kubectl get pod,sa,ns,events -n shop -o yaml` prints when all is well: a Deployment with two pods. */
const healthyPath = new URL('../../../fixtures/doctor/healthy.yaml', import.meta.url);

/** The objects of the healthy namespace. */
export interface Shop {
  /** Every object. A test may add some. */
  readonly items: Editable[];
  readonly pods: readonly Editable[];
  readonly account: Editable;
  readonly namespace: Editable;
  /** Of the first pod; changes are made to all pods by `everyPod`. */
  container(pod: Editable, name: string): Editable;
  status(pod: Editable, name: string): Editable;
  everyPod(change: (pod: Editable) => void): void;
  /** Takes a container out of every pod, with its status. */
  without(name: string): void;
  setVariable(container: string, name: string, value: string | undefined): void;
  tokenVolume(pod: Editable): Editable;
}

export function healthyText(): string {
  return readFileSync(healthyPath, 'utf8');
}

/** The healthy namespace with something changed, as kubectl would print it. */
export function shopWith(change: (shop: Shop) => void): string {
  const list: Editable = parse(healthyText());
  const items: Editable[] = list.items;
  const pods = items.filter(({ kind }) => kind === 'Pod');
  const find = (lists: readonly Editable[], name: string): Editable => {
    const found = lists.flat().find((one: Editable) => one?.name === name);
    if (found === undefined) throw new Error(`no container ${name}`);
    return found;
  };
  const shop: Shop = {
    items,
    pods,
    account: items.find(
      ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'legacy-app',
    ),
    namespace: items.find(({ kind }) => kind === 'Namespace'),
    container: ({ spec }, name) => find([spec.containers, spec.initContainers ?? []], name),
    status: ({ status }, name) =>
      find([status.containerStatuses, status.initContainerStatuses ?? []], name),
    everyPod: (one) => pods.forEach(one),
    without(name) {
      const others = (lists: Editable[]): Editable[] => lists.filter((one) => one.name !== name);
      for (const { spec, status } of pods) {
        spec.containers = others(spec.containers);
        spec.initContainers = others(spec.initContainers);
        status.containerStatuses = others(status.containerStatuses);
        status.initContainerStatuses = others(status.initContainerStatuses);
      }
    },
    setVariable(container, name, value) {
      for (const pod of pods) {
        const spec = shop.container(pod, container);
        spec.env = spec.env.filter((one: Editable) => one.name !== name);
        if (value !== undefined) spec.env.push({ name, value });
      }
    },
    tokenVolume: ({ spec }) => spec.volumes.find(({ name }: Editable) => name.startsWith('azure-')),
  };
  change(shop);
  return stringify(list, { indentSeq: false });
}

/** What doctor finds in a text. */
export function examine(...texts: readonly string[]): readonly CheckResult[] {
  return toResults(
    surveySources(
      texts.map((text, index) => ({
        name: `input-${index}`,
        text,
        isFromFolder: false,
      })),
    ),
  );
}

export function firstFailure(checks: readonly CheckResult[]): CheckResult | undefined {
  return checks.find(({ status }) => status === 'fail');
}
