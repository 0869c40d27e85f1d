import { proxyAnnotations, webhook } from '../../inject/contract.ts';
import { isMap, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import type { PodSecurity } from '../../inject/object-index.ts';
import { itemsOf } from '../../inject/pod/shape.ts';
import type { Resource } from '../../inject/workload.ts';
import { cleanName } from './clean-text.ts';
import { toText } from './container.ts';
import { type ClusterEvent, toEvent } from './events.ts';
import type { Subject } from './pod.ts';
import { matchesSelector, type Selector, toSelector } from './selector.ts';

/** A ServiceAccount's words about its identity, as they are. */
export interface Account {
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  readonly hasLabel: boolean;
}

export interface Namespace {
  readonly labels: Readonly<Record<string, string>>;
  readonly podSecurity: PodSecurity | undefined;
}

/** What the input says beside the pods. */
export interface Known {
  readonly accountCount: number;
  readonly eventCount: number;
  findAccount(namespace: string, name: string): Account | undefined;
  /** Whether the input has the ServiceAccounts of the namespace at all. */
  hasAccounts(namespace: string): boolean;
  findNamespace(name: string): Namespace | undefined;
  /** The object at the top of a chain of owners: ReplicaSet to Deployment, Job to CronJob. */
  findOwner(subject: Subject): Subject;
  /** Whether the object itself, not its pod template, has the label or asks for the proxy. */
  isMarked(subject: Subject): boolean;
  /** Client ID of the identity whose object ID this is. */
  findByObjectId(objectId: string): string | undefined;
  /**
   * Whether the webhook takes pods of a namespace: undefined if the input has no MutatingWebhookConfiguration or
   * not the namespace.
   */
  isTaken(namespace: string): boolean | undefined;
  /** False if the input has the configurations, and none is of azure-workload-identity. */
  readonly hasWebhook: boolean | undefined;
  readonly events: readonly ClusterEvent[];
}

/** Filled before any pod is examined: the objects may stand in any order and file. */
export interface KnownBuilder extends Known {
  add(resource: Resource): void;
}

/** What is kept of events; a namespace has thousands, and few are about a pod that does not come up. */
const MAX_EVENTS = 2_000;

/** Whether a text can hold an object of which something is kept. */
export function mayBeKnown(text: string): boolean {
  return /\bkind["']?\s*:\s*["']?(?:ServiceAccount|Namespace|Event|ReplicaSet|Job|Deployment|StatefulSet|DaemonSet|CronJob|MutatingWebhookConfiguration|UserAssignedIdentity)\b/.test(
    text,
  );
}

const podSecurityLabel = 'pod-security.kubernetes.io/enforce';

export function createKnown(): KnownBuilder {
  const accounts = new Map<string, Account>();
  const withAccounts = new Set<string>();
  const namespaces = new Map<string, Namespace>();
  const owners = new Map<string, Subject>();
  const marked = new Set<string>();
  const clientIds = new Map<string, string>();
  const selectors: Selector[] = [];
  const events: ClusterEvent[] = [];
  let webhooks = 0;

  const addWorkload = (value: ValueMap, subject: Subject): void => {
    const key = toKey(subject);
    const owner = findController(value, subject.namespace);
    if (owner !== undefined) owners.set(key, owner);
    const metadata = value['metadata'];
    const asks = [
      valueAt(metadata, ['labels', webhook.useLabel]),
      ...proxyAnnotations.map((name) => valueAt(metadata, ['annotations', name])),
    ];
    if (asks.some((one) => String(one) === 'true')) marked.add(key);
  };

  const known: KnownBuilder = {
    get accountCount() {
      return accounts.size;
    },
    get eventCount() {
      return events.length;
    },
    events,
    add({ group, kind, name, namespace = 'default', value }) {
      const subject = { kind, namespace: cleanName(namespace), name: cleanName(name) };
      if (kind === 'ServiceAccount') {
        withAccounts.add(namespace);
        accounts.set(toKey(subject), toAccount(value));
      } else if (kind === 'Namespace') {
        namespaces.set(subject.name, toNamespace(value));
      } else if (kind === 'Event') {
        const event = toEvent(value, subject.namespace);
        if (event !== undefined && events.length < MAX_EVENTS) events.push(event);
      } else if (kind === 'MutatingWebhookConfiguration') {
        webhooks += 1;
        selectors.push(...toSelectors(value));
      } else if (kind === 'UserAssignedIdentity' && group === 'managedidentity.azure.com') {
        const objectId = toText(valueAt(value, ['status', 'principalId'])).toLowerCase();
        const clientId = toText(valueAt(value, ['status', 'clientId']));
        if (objectId !== '' && clientId !== '') clientIds.set(objectId, clientId);
      } else {
        addWorkload(value, subject);
      }
    },
    findAccount: (namespace, name) =>
      accounts.get(toKey({ kind: 'ServiceAccount', namespace, name })),
    hasAccounts: (namespace) => withAccounts.has(namespace),
    findNamespace: (name) => namespaces.get(name),
    findOwner(subject) {
      const owner = owners.get(toKey(subject));
      return owner === undefined ? subject : (owners.get(toKey(owner)) ?? owner);
    },
    isMarked: (subject) => marked.has(toKey(subject)),
    findByObjectId: (objectId) => clientIds.get(objectId.toLowerCase()),
    get hasWebhook() {
      return webhooks === 0 ? undefined : selectors.length > 0;
    },
    isTaken(name) {
      const namespace = namespaces.get(name);
      if (namespace === undefined || selectors.length === 0) return undefined;
      const labels = { 'kubernetes.io/metadata.name': name, ...namespace.labels };
      return selectors.some((selector) => matchesSelector(selector, labels));
    },
  };
  return known;
}

function toKey({ kind, namespace, name }: Subject): string {
  return `${kind} ${namespace}/${name}`;
}

/** The controller that made an object; undefined if nothing did. */
export function findController(value: ValueMap, namespace: string): Subject | undefined {
  const owner = itemsOf(valueAt(value, ['metadata', 'ownerReferences'])).find(
    (item) => valueAt(item, ['controller']) === true,
  );
  if (!isMap(owner)) return undefined;
  return {
    kind: cleanName(toText(owner['kind'])),
    namespace,
    name: cleanName(toText(owner['name'])),
  };
}

function toAccount(value: ValueMap): Account {
  const find = (annotation: string): string | undefined => {
    const found = valueAt(value, ['metadata', 'annotations', annotation]);
    return found === undefined || found === null ? undefined : String(found);
  };
  return {
    clientId: find(webhook.clientIdAnnotation),
    tenantId: find(webhook.tenantIdAnnotation),
    hasLabel: String(valueAt(value, ['metadata', 'labels', webhook.useLabel])) === 'true',
  };
}

function toNamespace(value: ValueMap): Namespace {
  const labels = valueAt(value, ['metadata', 'labels']);
  const texts = Object.fromEntries(
    Object.entries(isMap(labels) ? labels : {}).map(([key, label]) => [key, String(label)]),
  );
  const level = texts[podSecurityLabel];
  const isLevel = level === 'privileged' || level === 'baseline' || level === 'restricted';
  return { labels: texts, podSecurity: isLevel ? level : undefined };
}

/** The namespace selectors of azure-workload-identity's webhook, whatever its configuration is called. */
function toSelectors(configuration: ValueMap): readonly Selector[] {
  return itemsOf(configuration['webhooks']).flatMap((one) =>
    /azure-workload-identity/.test(toText(valueAt(one, ['name'])))
      ? [toSelector(valueAt(one, ['namespaceSelector']))]
      : [],
  );
}
