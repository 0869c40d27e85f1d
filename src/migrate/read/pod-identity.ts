import { bindingLabel } from '../../inject/contract.ts';
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

/**
 * A binding; the missing field if it names no identity or no selector, as MIC's own samples do before they are filled in.
 * @param source the text that holds the binding.
 */
export function toBinding(
  value: ValueMap,
  named: Named,
  source: string,
): AzureIdentityBinding | { readonly missing: string } {
  const spec = fieldOf(value, 'spec');
  const identity = textOf(spec, 'azureIdentity');
  const selector = toWrittenText('selector', fieldOf(spec, 'selector'), source);
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
  return (
    toWrittenText(bindingLabel, label, source) ?? { text: JSON.stringify(label), isText: false }
  );
}

/**
 * Booleans and numbers of YAML 1.1, which kubectl reads, and which are texts for the parser here. They are those of
 * go.yaml.in/yaml/v2.
 */
const oldBoolean = /^(?:[yY]|[nN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/;
const oldNumber = /^[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|\d[\d_]*)$/;

/** As `toLabelText`, for the value of `key` in `source`, where quotes tell a text from a boolean or number. */
function toWrittenText(
  key: string,
  value: Value | undefined,
  source: string,
): LabelText | undefined {
  const label = toLabelText(value);
  if (label === undefined || !(oldBoolean.test(label.text) || oldNumber.test(label.text))) {
    return label;
  }
  const written = label.text.replace('+', '\\+');
  const isBare = new RegExp(`^[^#\n]*${key}["']?\\s*:\\s*${written}(?![\\w.-])`, 'm').test(source);
  return { ...label, isText: label.isText && !isBare };
}
