import { webhook } from './contract.ts';
import { type Value, valueAt } from './manifest/value.ts';
import type { ServiceAccount } from './pod/credentials.ts';
import type { Resource } from './workload.ts';

/** Finds the ServiceAccount of a workload among the objects of the input. */
export type FindServiceAccount = (workload: Resource, name: string) => ServiceAccount | undefined;

export function indexServiceAccounts(resources: readonly Resource[]): FindServiceAccount {
  const accounts = resources.filter(({ kind }) => kind === 'ServiceAccount');
  return ({ namespace }, name) => {
    const named = accounts.filter((account) => account.name === name);
    const found =
      named.find((account) => account.namespace === namespace) ??
      // Where either does not say, the command that applies it will put both into one namespace.
      named.find(
        (account) => (account.namespace ?? namespace) === (namespace ?? account.namespace),
      );
    return found && toServiceAccount(found.value);
  };
}

function toServiceAccount(value: Value): ServiceAccount {
  const find = (annotation: string): string | undefined => {
    const text = valueAt(value, ['metadata', 'annotations', annotation]);
    return typeof text === 'string' && text !== '' ? text : undefined;
  };
  return { clientId: find(webhook.clientIdAnnotation), tenantId: find(webhook.tenantIdAnnotation) };
}
