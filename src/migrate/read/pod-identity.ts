import { isMap, type Value, type ValueMap, valueAt } from '../../inject/manifest/value.ts';
import { fieldOf, textOf, toAzureIdentity } from './azure-identity.ts';
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  LabelText,
  Named,
} from './cluster.ts';
import { textAt, textsAt } from './documents.ts';

/** API group of AAD Pod Identity's objects. */
export const podIdentityGroup = 'aadpodidentity.k8s.io';

/** Label of a pod that chooses its bindings. */
export const bindingLabel = 'aadpodidbinding';

/** undefined if it names no identity or no selector, as MIC's own samples do before they are filled in. */
export function toBinding(
  value: ValueMap,
  named: Named,
): AzureIdentityBinding | { readonly missing: string } {
  const spec = fieldOf(value, 'spec');
  const identity = textOf(spec, 'azureIdentity');
  const selector = toLabelText(fieldOf(spec, 'selector'));
  if (identity === undefined) return { missing: 'spec.azureIdentity' };
  if (selector === undefined || selector.text === '') return { missing: 'spec.selector' };
  const weight = Number(fieldOf(spec, 'weight') ?? 0);
  return { ...named, identity, selector, weight: Number.isFinite(weight) ? weight : 0 };
}

export function toException(value: ValueMap, named: Named): AzurePodIdentityException {
  const labels = fieldOf(fieldOf(value, 'spec'), 'podLabels');
  return { ...named, podLabels: textsAt(labels ?? null, []) };
}

/** The assignment, and the identity as it was copied into it. */
export function toAssigned(
  value: ValueMap,
  named: Named,
): { readonly assigned: AzureAssignedIdentity; readonly identity: AzureIdentity } | undefined {
  const spec = fieldOf(value, 'spec');
  const identity = fieldOf(spec, 'azureIdentityRef');
  const pod = textOf(spec, 'pod');
  const podNamespace = textOf(spec, 'podNamespace');
  const name = textAt(identity, ['metadata', 'name']);
  if (!isMap(identity) || pod === undefined || podNamespace === undefined || name === undefined) {
    return undefined;
  }
  const namespace = textAt(identity, ['metadata', 'namespace']) ?? podNamespace;
  const bindingNamespace = textAt(fieldOf(spec, 'azureBindingRef'), ['metadata', 'namespace']);
  return {
    assigned: { ...named, pod, podNamespace, identity: { namespace, name }, bindingNamespace },
    identity: {
      ...toAzureIdentity(identity, { ...named, kind: 'AzureIdentity', namespace, name }),
      isFromAssigned: true,
    },
  };
}

/** The label of a pod; undefined without it. */
export function toLabelText(value: Value | undefined): LabelText | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return { text: value, isText: true };
  return typeof value === 'number' || typeof value === 'boolean'
    ? { text: String(value), isText: false }
    : undefined;
}

export function bindingLabelOf(pod: Value): LabelText | undefined {
  return toLabelText(valueAt(pod, ['metadata', 'labels', bindingLabel]));
}
