import { isMap, type ValueMap } from '../../inject/manifest/value.ts';
import type { PlannedServiceAccount } from '../plan.ts';

/** A ServiceAccount of the input with the annotations that the webhook and `inject` read. */
export function annotateAccount(
  account: ValueMap,
  { annotations }: PlannedServiceAccount,
): ValueMap {
  const { metadata } = account;
  const present = isMap(metadata) && isMap(metadata['annotations']) ? metadata['annotations'] : {};
  return {
    ...account,
    metadata: {
      ...(isMap(metadata) ? metadata : {}),
      annotations: { ...present, ...annotations },
    },
  };
}

/** A ServiceAccount that the input does not have: a new one, or one of which only the annotations are known. */
export function createAccount(planned: PlannedServiceAccount): ValueMap {
  const { namespace, name, annotations, imagePullSecrets } = planned;
  const { automountServiceAccountToken } = planned;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, annotations },
    ...(imagePullSecrets.length > 0 && {
      imagePullSecrets: imagePullSecrets.map((secret) => ({ name: secret })),
    }),
    ...(automountServiceAccountToken !== null && { automountServiceAccountToken }),
  };
}
