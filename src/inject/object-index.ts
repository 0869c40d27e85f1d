import { webhook } from './contract.ts';
import { type Value, type ValueMap, valueAt } from './manifest/value.ts';
import type { ServiceAccount } from './pod/credentials.ts';
import { specOf } from './pod/shape.ts';
import type { Resource } from './workload.ts';

/** Level of Pod Security that a namespace enforces. */
export type PodSecurity = 'privileged' | 'baseline' | 'restricted';

/** What workloads need to know of other objects of the input. */
export interface ObjectIndex {
  findServiceAccount(workload: Resource, template: ValueMap): ServiceAccount | undefined;
  /** undefined if the namespace is not in the input or enforces nothing. */
  findPodSecurity(namespace: string | undefined): PodSecurity | undefined;
}

/** An index that is filled before the first workload is changed: they may stand in any order and file. */
export interface ObjectIndexBuilder extends ObjectIndex {
  add(resource: Resource): void;
}

/** Whether a text can hold any object that the index wants; reading it is a waste otherwise. */
export function mayBeIndexed(text: string): boolean {
  return (
    /\bkind["']?\s*:\s*["']?(?:ServiceAccount|Namespace)\b/.test(text) ||
    /AccountList|NamespaceList/.test(text)
  );
}

interface Account extends ServiceAccount {
  readonly name: string;
  readonly namespace: string | undefined;
}

export function createObjectIndex(): ObjectIndexBuilder {
  const accounts = new Map<string, Account[]>();
  const levels = new Map<string, PodSecurity>();
  return {
    add({ group, kind, name, namespace, value }) {
      if (group !== '') return;
      if (kind === 'ServiceAccount') {
        const account = { name, namespace, ...toServiceAccount(value) };
        accounts.set(name, [...(accounts.get(name) ?? []), account]);
      } else if (kind === 'Namespace') {
        const label = 'pod-security.kubernetes.io/enforce';
        const level = valueAt(value, ['metadata', 'labels', label]);
        if (level === 'privileged' || level === 'baseline' || level === 'restricted') {
          levels.set(name, level);
        }
      }
    },
    findServiceAccount({ namespace }, template) {
      const name = specOf(template)['serviceAccountName'];
      const named = typeof name === 'string' ? (accounts.get(name) ?? []) : [];
      return (
        named.find((account) => account.namespace === namespace) ??
        // Where either does not say, the command that applies it will put both into one namespace.
        named.find(
          (account) => (account.namespace ?? namespace) === (namespace ?? account.namespace),
        )
      );
    },
    // With one namespace in the input, objects without one are meant for it.
    findPodSecurity(namespace) {
      if (namespace !== undefined) return levels.get(namespace);
      const [only] = levels.size === 1 ? levels.values() : [];
      return only;
    },
  };
}

function toServiceAccount(value: Value): ServiceAccount {
  const find = (annotation: string): string | undefined => {
    const text = valueAt(value, ['metadata', 'annotations', annotation]);
    return typeof text === 'string' && text !== '' ? text : undefined;
  };
  return { clientId: find(webhook.clientIdAnnotation), tenantId: find(webhook.tenantIdAnnotation) };
}
