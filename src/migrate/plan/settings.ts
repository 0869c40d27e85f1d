import type { NamePattern } from '../../inject/select.ts';
import type { InjectSettings } from '../../inject/settings.ts';

/** What the command line says about the migration. */
export interface PlanSettings {
  /** Of the clusters that the workloads run in; empty if none was named. */
  readonly issuers: readonly string[];
  /** Of the managed identities, and of service principals that name no tenant. */
  readonly tenantId: string | undefined;
  /** AAD Pod Identity matches across namespaces, as it does without `forceNamespaced`. */
  readonly isClusterScoped: boolean;
  /** Identity bindings of AKS instead of the federated credentials of managed identities. */
  readonly hasIdentityBinding: boolean;
  readonly defaultIdentities: readonly DefaultChoice[];
  /** Who adds the containers: `inject`, or the webhook of pods with label and annotation. */
  readonly injection: 'containers' | 'annotation';
  readonly inject: InjectSettings;
  /** That of --namespace; undefined if it is not given. */
  readonly namespace: string | undefined;
}

/** Which of several identities answers requests that name none. */
export interface DefaultChoice {
  readonly text: string;
  /** undefined for all workloads. */
  readonly workload: NamePattern | undefined;
  /** Name of the AzureIdentity, or its client ID. */
  readonly identity: string;
}
