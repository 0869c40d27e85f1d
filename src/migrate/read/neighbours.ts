import { webhook } from '../../inject/contract.ts';
import { isMap, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import type { Named, RoleBinding, SecretProviderClass, ServiceAccount } from './cluster.ts';
import { textAt, toItems } from './documents.ts';
import type { Origin } from './origin.ts';

export function toServiceAccount(value: ValueMap, named: Named, origin: Origin): ServiceAccount {
  const annotation = (key: string): string | undefined =>
    textAt(value, ['metadata', 'annotations', key])?.trim() || undefined;
  const automount = value['automountServiceAccountToken'];
  return {
    namespace: named.namespace,
    name: named.name,
    automountServiceAccountToken: typeof automount === 'boolean' ? automount : undefined,
    clientId: annotation(webhook.clientIdAnnotation)?.toLowerCase(),
    tenantId: annotation(webhook.tenantIdAnnotation)?.toLowerCase(),
    imagePullSecrets: toItems(value['imagePullSecrets']).flatMap(
      (one) => textAt(one, ['name']) ?? [],
    ),
    origin,
  };
}

export function toRoleBinding(
  kind: RoleBinding['kind'],
  value: ValueMap,
  { name, namespace }: Named,
): RoleBinding {
  const subjects = toItems(value['subjects']).flatMap((subject) => {
    const account = textAt(subject, ['name']);
    if (textAt(subject, ['kind']) !== 'ServiceAccount' || account === undefined) return [];
    return [{ namespace: textAt(subject, ['namespace']) ?? namespace, name: account }];
  });
  return { kind, namespace: kind === 'RoleBinding' ? namespace : undefined, name, subjects };
}

/** Only those that use pod identity. */
export function toSecretProviderClass(
  value: ValueMap,
  named: Named,
): SecretProviderClass | undefined {
  const parameters = valueAt(value, ['spec', 'parameters']);
  if (!isMap(parameters)) return undefined;
  if (textAt(parameters, ['usePodIdentity'])?.toLowerCase() !== 'true') return undefined;
  return { ...named, clientId: textAt(parameters, ['clientID'])?.trim() || undefined };
}
