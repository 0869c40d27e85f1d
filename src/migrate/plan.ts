import type { FindingCode, Level } from './finding-codes.ts';
import type { Origin } from './read/origin.ts';

/**
 * The plan of a migration: what `proxy migrate` knows after it has read the input and before anything is written.
 * `makePlan` (plan/make-plan.ts) makes it from a `Cluster` (read/cluster.ts). `formatJson` (output/json.ts) prints it, and
 * docs/migration-plan.schema.json describes the output. Fields that are marked *not printed* are for the code
 * that writes files.
 */
export interface Plan {
  /** By namespace, kind and name. */
  readonly workloads: readonly PlannedWorkload[];
  /** Every ServiceAccount that must be created or annotated, once, by namespace and name. */
  readonly serviceAccounts: readonly PlannedServiceAccount[];
  /** By identity, then subject, then issuer: the order in which they must be created, one after the other. */
  readonly federatedCredentials: readonly FederatedCredential[];
  /** With --identity-binding: instead of the credentials of managed identities. */
  readonly identityBindings: readonly IdentityBinding[];
  /** Every AzureIdentity of the input, used or not. */
  readonly identities: readonly PlannedIdentity[];
  /** Of the secrets store CSI driver, as far as they use pod identity. */
  readonly secretProviderClasses: readonly PlannedSecretProviderClass[];
  /** MIC and NMI themselves, to remove at the end. */
  readonly components: readonly Component[];
  /** Objects of AAD Pod Identity in the input, to remove at the end. */
  readonly leftovers: readonly ObjectName[];
  /** Of the input and of the migration as a whole. */
  readonly findings: readonly PlacedFinding[];
  readonly summary: Summary;
}

export type Status = 'ready' | 'attention' | 'blocked' | 'exempt';

export type IdentityType =
  | 'UserAssignedManagedIdentity'
  | 'ServicePrincipalSecret'
  | 'ServicePrincipalCertificate';

export interface Finding {
  readonly code: FindingCode;
  /** What it does to the status: a `note` nothing, an `error` keeps anything from being written. */
  readonly level: Level;
  /** The fact. One sentence, without a full stop. */
  readonly message: string;
  /** What to do, in the imperative. */
  readonly fix: string;
}

/** A finding about a place in the input. */
export interface PlacedFinding extends Finding {
  readonly file: string | null;
  readonly line: number | null;
}

export interface ObjectName {
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string;
}

/**
 * An object whose pods use AAD Pod Identity, are excepted from it, or have upstream's proxy. Pods, ReplicaSets and
 * Jobs that another object made are part of that object.
 */
export interface PlannedWorkload {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  /** API group; empty for the core group. */
  readonly group: string;
  /** Value of the label `aadpodidbinding`; null without it. */
  readonly binding: string | null;
  /** By name; exactly one is the default, if there are any. */
  readonly identities: readonly WorkloadIdentity[];
  readonly serviceAccount: WorkloadServiceAccount;
  /** What `inject` will do to its pods. */
  readonly injection: Injection;
  /** Whether its pods get tokens from AAD Pod Identity as they are now: what --check counts. */
  readonly dependsOnPodIdentity: boolean;
  /** Value of IMDS_PROXY_IDENTITIES with which requests by object or resource ID work; null if it needs none. */
  readonly identityMap: string | null;
  readonly status: Status;
  readonly findings: readonly Finding[];
  /** Where it stands in the input; null if only its pods do. */
  readonly file: string | null;
  readonly line: number | null;
  /** Not printed: its text, to change or to copy. Undefined if only its pods are in the input. */
  readonly origin: Origin | undefined;
}

export interface WorkloadIdentity {
  /** Of the AzureIdentity. */
  readonly name: string;
  /** Of the AzureIdentity. */
  readonly namespace: string;
  /** In lower case. */
  readonly clientId: string;
  /** null for a service principal. */
  readonly resourceId: string | null;
  readonly type: IdentityType;
  readonly tenantId: string | null;
  /** Whether requests that name no identity get this one. */
  readonly default: boolean;
  /** Why it is, or is not, the default. */
  readonly reason: DefaultReason;
}

/** `flag`: --default-identity names it. `weight`: its binding weighs most. `name`: it is the first by name. */
export type DefaultReason = 'only' | 'flag' | 'weight' | 'name' | 'other';

export interface WorkloadServiceAccount {
  readonly name: string;
  /** `create`: it does not exist, and the pods must be given it. `annotate`: it exists. `none`: it stays. */
  readonly action: 'create' | 'annotate' | 'none';
  /** The one that the pods have now, if they get another. */
  readonly instead: string | null;
}

export interface PlannedServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly action: 'create' | 'annotate';
  readonly annotations: Readonly<Record<string, string>>;
  /** For `create`: the one whose image pull secrets and roles it needs as well. */
  readonly copyOf: string | null;
  /** Names of the image pull secrets of that one. */
  readonly imagePullSecrets: readonly string[];
  /** Of that one; null if it does not say, or is not in the input. */
  readonly automountServiceAccountToken: boolean | null;
  /** Not printed: its text, if it is in the input. */
  readonly origin: Origin | undefined;
}

export interface Injection {
  /**
   * `containers`: inject adds the two containers. `annotation`: the pods get label and annotation, and the webhook adds
   * the containers. `none`: there is nothing to do, or nothing that can be done.
   */
  readonly kind: 'containers' | 'annotation' | 'none';
  /** What `inject` would note about the pods. */
  readonly notes: readonly string[];
}

export interface FederatedCredential {
  readonly clientId: string;
  /** Name of the managed identity in Azure; for a service principal, of its AzureIdentity. */
  readonly identity: string;
  readonly type: IdentityType;
  /** null for a service principal, whose application has none. */
  readonly resourceGroup: string | null;
  readonly subscription: string | null;
  /** Unique for the identity, and the same in every run. */
  readonly name: string;
  /** null as long as no --issuer is given. */
  readonly issuer: string | null;
  readonly subject: string;
  readonly audience: string;
}

/** One for each managed identity and cluster; the ServiceAccounts need a role for it. */
export interface IdentityBinding {
  readonly name: string;
  readonly clientId: string;
  readonly resourceId: string;
  /** How many federated credentials the identity would need without bindings. */
  readonly replaces: number;
  readonly serviceAccounts: readonly { readonly namespace: string; readonly name: string }[];
}

export interface PlannedIdentity {
  readonly name: string;
  readonly namespace: string;
  /** In lower case; null if the AzureIdentity has none. */
  readonly clientId: string | null;
  readonly resourceId: string | null;
  readonly type: IdentityType | null;
  readonly tenantId: string | null;
  /** The Secret with the secret or the certificate of a service principal. */
  readonly secret: { readonly namespace: string; readonly name: string } | null;
  /** How many federated credentials this input needs for its client ID. */
  readonly credentials: number;
  /** How many Entra keeps for one identity. */
  readonly limit: number;
  readonly findings: readonly Finding[];
  readonly file: string;
  readonly line: number;
}

export interface PlannedSecretProviderClass {
  readonly namespace: string;
  readonly name: string;
  /** Workloads of the input that mount it. */
  readonly usedBy: readonly ObjectName[];
  readonly findings: readonly Finding[];
  readonly file: string;
  readonly line: number;
}

export interface Component extends ObjectName {
  readonly component: 'mic' | 'nmi';
  /** True if AKS's add-on manages it: it goes when the add-on is turned off, not by kubectl. */
  readonly isAddOn: boolean;
  readonly file: string;
  readonly line: number;
}

export interface Summary {
  readonly workloads: Readonly<Record<Status, number>>;
  /** Workloads and SecretProviderClasses that depend on AAD Pod Identity: 0 is what --check wants. */
  readonly depending: number;
  /** Other workloads of the input, which use no identity. */
  readonly others: number;
  readonly identities: number;
  readonly federatedCredentials: number;
  /** How AAD Pod Identity matches across namespaces here, and how that is known. */
  readonly scope: 'cluster' | 'namespace' | 'unknown';
  readonly errors: number;
}
