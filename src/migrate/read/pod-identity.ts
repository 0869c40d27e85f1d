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

/** A label or selector as Kubernetes would read it; undefined for null, lists and maps. */
export function toLabelText(value: Value | undefined): LabelText | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return { text: value, isText: true };
  return typeof value === 'number' || typeof value === 'boolean'
    ? { text: String(value), isText: false }
    : undefined;
}

/**
 * The label of a pod; undefined without it.
 * @param source the text that holds the pod.
 */
export function bindingLabelOf(pod: Value, source: string): LabelText | undefined {
  const label = valueAt(pod, ['metadata', 'labels', bindingLabel]);
  if (label === undefined) return undefined;
  // Kubernetes reads null as an empty text.
  if (label === null) return { text: '', isText: true };
  if (typeof label === 'string') return { text: label, isText: !isBare(label, source) };
  return toLabelText(label) ?? { text: JSON.stringify(label), isText: false };
}

/** Booleans and numbers of YAML 1.1, which Kubernetes reads, and which are texts for the parser here. */
const oldWord = /^(?:y|n|yes|no|on|off|[-+]?(?:0b[01_]+|0x[\da-f_]+|\d[\d_]*))$/i;

function isBare(label: string, source: string): boolean {
  return oldWord.test(label) && new RegExp(`${bindingLabel}["']?\\s*:\\s*${label}\\b`).test(source);
}
