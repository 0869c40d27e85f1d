import type { Path, ValueMap } from '../../inject/manifest/value.ts';
import type { ObjectIndex } from '../../inject/object-index.ts';
import type { Finding, IdentityType, PlacedFinding } from '../plan.ts';
import type { Origin } from './origin.ts';

/** What the input says, object by object, before anything is concluded from it. */
export interface Cluster {
  readonly identities: readonly AzureIdentity[];
  readonly bindings: readonly AzureIdentityBinding[];
  readonly exceptions: readonly AzurePodIdentityException[];
  readonly assigned: readonly AzureAssignedIdentity[];
  /** Everything that makes pods or is one, whoever owns it. */
  readonly workloads: readonly Workload[];
  readonly serviceAccounts: readonly ServiceAccount[];
  readonly secretProviderClasses: readonly SecretProviderClass[];
  readonly components: readonly PodIdentityComponent[];
  /** For the checks of `inject`. */
  readonly index: ObjectIndex;
  /** Names of the Namespaces in the input; empty if it has none. */
  readonly namespaces: ReadonlySet<string>;
  /** Kinds of AAD Pod Identity whose CustomResourceDefinition is in the input. */
  readonly definitions: readonly Named[];
  /** RoleBindings and ClusterRoleBindings with ServiceAccounts among their subjects. */
  readonly roleBindings: readonly RoleBinding[];
  /** Objects that select pods by the label. */
  readonly selectors: readonly LabelSelector[];
  /** Issuer URLs of the AKS clusters whose description is in the input. */
  readonly issuers: readonly string[];
  /** Whether the description of an AKS cluster says that the add-on for pod identity is on. */
  readonly hasAddOn: boolean;
  /** Whether some objects have no namespace. */
  readonly lacksNamespaces: boolean;
  readonly findings: readonly PlacedFinding[];
}

export interface Named {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** A text of a label or selector as Kubernetes would read it, if it were written as one. */
export interface LabelText {
  readonly text: string;
  /** False for a number or a boolean, which Kubernetes refuses there. */
  readonly isText: boolean;
}

export interface AzureIdentity extends Named {
  /** undefined for a number that means nothing. */
  readonly type: IdentityType | undefined;
  /** A GUID in lower case; undefined without a valid one. */
  readonly clientId: string | undefined;
  readonly resource: ManagedIdentityResource | undefined;
  /** Known only from AKS's own description. */
  readonly objectId: string | undefined;
  readonly tenantId: string | undefined;
  readonly auxiliaryTenantIds: readonly string[];
  /** Of a service principal. */
  readonly secret: { readonly namespace: string; readonly name: string } | undefined;
  /** Matches only pods and bindings of its namespace. */
  readonly isNamespaced: boolean;
  /** Known from an AzureAssignedIdentity alone. */
  readonly isFromAssigned: boolean;
  /** About its fields. */
  readonly findings: readonly Finding[];
}

export interface ManagedIdentityResource {
  readonly id: string;
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly name: string;
}

export interface AzureIdentityBinding extends Named {
  readonly identity: string;
  readonly selector: LabelText;
  readonly weight: number;
}

export interface AzurePodIdentityException extends Named {
  readonly podLabels: Readonly<Record<string, string>>;
}

export interface AzureAssignedIdentity extends Named {
  readonly pod: string;
  readonly podNamespace: string;
  readonly identity: { readonly namespace: string; readonly name: string };
  readonly bindingNamespace: string | undefined;
}

export interface ObjectReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export interface Workload extends Named {
  readonly group: string;
  /** The object that made it. */
  readonly owner: ObjectReference | undefined;
  /** Where its pods are. Without templates `why` says why. */
  readonly templates: readonly PodTemplate[];
  readonly why: string | undefined;
  /** Values of the label anywhere in it where a controller might take them from; for kinds without templates. */
  readonly labelsElsewhere: readonly LabelText[];
  /** On the object itself, where the label means nothing. */
  readonly hasMisplacedLabel: boolean;
  /** A pod or Job that has ended, or a ReplicaSet without replicas. */
  readonly isOver: boolean;
  readonly isHook: boolean;
  readonly origin: Origin;
}

export interface PodTemplate {
  /** In the value of the origin's text. */
  readonly path: Path;
  readonly binding: LabelText | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** SecretProviderClasses that its volumes name. */
  readonly secretProviderClasses: readonly string[];
  /** It has our containers, upstream's, or asks the webhook for them. */
  readonly proxy: 'ours' | 'upstream' | 'requested' | 'none';
  /** The template itself, where the plan looks into it: pods with a label or a proxy that nobody else made. */
  readonly value: ValueMap | undefined;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  readonly imagePullSecrets: readonly string[];
  readonly automountServiceAccountToken: boolean | undefined;
  readonly origin: Origin;
}

export interface SecretProviderClass extends Named {
  /** `clientID` of its parameters. */
  readonly clientId: string | undefined;
}

export interface PodIdentityComponent extends Named {
  readonly component: 'mic' | 'nmi';
  readonly isAddOn: boolean;
  /** What its flags and variables say about matching across namespaces. */
  readonly isNamespaced: boolean;
}

export interface LabelSelector extends Named {
  readonly value: string;
}

export interface RoleBinding {
  readonly kind: 'RoleBinding' | 'ClusterRoleBinding';
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subjects: readonly { readonly namespace: string; readonly name: string }[];
}

/** Orders texts by their characters, the same in every locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
