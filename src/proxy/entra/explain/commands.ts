import { isGuid } from '../../../shared/guid.ts';

/**
 * The commands that hints print. Each is harmless as it stands: it reads, or it lets exactly one ServiceAccount
 * use exactly one identity. None has a double quote or a backslash, which JSON would escape in a log line or an
 * answer, and no value in it needs quotes, because a value that would gets no command.
 */

/** The audience of a token for an exchange with Entra, in each cloud. */
const FEDERATION_AUDIENCE = 'api://AzureADTokenExchange';

/** The audience that a projected token must have for an exchange with this authority. */
export function toFederationAudience(authorityHost: string): string {
  const { hostname } = new URL(authorityHost);
  if (hostname.endsWith('.us')) return `${FEDERATION_AUDIENCE}USGov`;
  if (/\.(?:cn|chinacloudapi\.cn)$/.test(hostname)) return `${FEDERATION_AUDIENCE}China`;
  return FEDERATION_AUDIENCE;
}

/** Whether Entra's clouds take tokens for it. Anything else names another service that trusts the token. */
export function isFederationAudience(audience: string): boolean {
  return /^api:\/\/AzureADTokenExchange[A-Za-z]{0,20}$/.test(audience);
}

/** The volume that gives a pod a token of this audience, as one line of YAML. */
export function toTokenVolume(audience: string): string {
  return `{name: azure-identity-token, projected: {sources: [{serviceAccountToken: {audience: ${audience}, expirationSeconds: 3600, path: azure-identity-token}}]}}`;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/** @param subject the `sub` of an assertion. @returns undefined if that is not a ServiceAccount. */
export function toServiceAccount(subject: string | undefined): ServiceAccount | undefined {
  const dnsName = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
  const shape = new RegExp(`^system:serviceaccount:(${dnsName}):(${dnsName})$`);
  const [, namespace, name] = shape.exec(subject ?? '') ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

/** Whether Entra may be able to read the keys of an issuer: an https URL outside of the cluster's own names. */
export function isUsableIssuer(issuer: string): boolean {
  if (!/^https:\/\/[a-z\d.-]+(?::\d{1,5})?(?:\/[\w./~-]*)?$/i.test(issuer)) return false;
  return !/^kubernetes(?:\.default)?$|\.svc$|\.svc\.|\.cluster\.local$/i.test(
    new URL(issuer).hostname,
  );
}

/** What a federated credential trusts. */
export interface CredentialFacts {
  readonly clientId: string;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly audiences: readonly string[];
}

export interface CredentialCommands {
  /** For a managed identity. */
  readonly create: string;
  /** The same for an app registration. */
  readonly createForApplication: string;
}

/**
 * The commands that add the missing credential. None unless it would trust one ServiceAccount of one issuer
 * that Entra can know, in a token made for Entra: a credential for another audience, such as https://kubernetes.default.svc,
 * would let every such token of the ServiceAccount become the identity, wherever it leaks.
 */
export function toCredentialCommands({
  clientId,
  issuer,
  subject,
  audiences,
}: CredentialFacts): CredentialCommands | undefined {
  const account = toServiceAccount(subject);
  const [audience] = audiences;
  if (account === undefined || issuer === undefined || !isUsableIssuer(issuer)) return undefined;
  if (audiences.length !== 1 || audience === undefined || !isFederationAudience(audience)) {
    return undefined;
  }
  const name = toCredentialName(account);
  return {
    create: `az identity federated-credential create --name ${name} --identity-name '<IDENTITY_NAME>' --resource-group '<RESOURCE_GROUP>' --issuer ${issuer} --subject ${subject} --audiences ${audience}`,
    createForApplication: `jq -n '{name:$n,issuer:$i,subject:$s,audiences:[$a]}' --arg n ${name} --arg i ${issuer} --arg s ${subject} --arg a ${audience} | az ad app federated-credential create --id ${clientId} --parameters @-`,
  };
}

/** Entra wants 3 to 120 letters, digits, dashes and underscores. */
function toCredentialName({ namespace, name }: ServiceAccount): string {
  return `${namespace}-${name}`.replaceAll('.', '-').slice(0, 120).padEnd(3, '0');
}

/** Prints name and resource group of the managed identity with this client ID. */
export function toFindIdentityCommand(clientId: string): string {
  return `az identity list --query '[].[clientId,name,resourceGroup]' --output tsv | grep -i ${clientId}`;
}

const RBAC_VERSION = 'rbac.authorization.k8s.io/v1';

/**
 * Lets a ServiceAccount use an identity through the token proxy: a ClusterRole and a ClusterRoleBinding, as one
 * line of YAML.
 * @returns undefined if the subject is not a ServiceAccount, or YAML would take its name for something else.
 */
export function toRbacCommand(clientId: string, subject: string | undefined): string | undefined {
  const account = toServiceAccount(subject);
  if (account === undefined || !isGuid(clientId)) return undefined;
  if (![account.namespace, account.name].every(isPlainYaml)) return undefined;
  const role = `identity-binding-${clientId}`;
  const clusterRole = `{apiVersion: ${RBAC_VERSION}, kind: ClusterRole, metadata: {name: ${role}}, rules: [{apiGroups: [cid.wi.aks.azure.com], resources: [${clientId}], verbs: [use-managed-identity]}]}`;
  const binding = `{apiVersion: ${RBAC_VERSION}, kind: ClusterRoleBinding, metadata: {name: ${role}-${account.namespace}-${account.name}}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role}}, subjects: [{kind: ServiceAccount, namespace: ${account.namespace}, name: ${account.name}}]}`;
  return `echo '{apiVersion: v1, kind: List, items: [${clusterRole}, ${binding}]}' | kubectl apply -f -`;
}

/** A string without quotes. `on` and `n` are true and false in YAML 1.1, and `1e3` is a number. */
function isPlainYaml(name: string): boolean {
  return /^[a-z]/.test(name) && !/^(?:y|n|yes|no|on|off|true|false|null)$/.test(name);
}
