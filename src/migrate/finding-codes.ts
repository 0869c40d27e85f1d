/**
 * What a finding does to the status of its workload. `note`: nothing. `attention`: a person must decide or check
 * something. `blocked`: it cannot be migrated with these flags and stays as it is. `error`: the input is at fault;
 * nothing is written.
 */
export type Level = 'note' | 'attention' | 'blocked' | 'error';

/** Every finding of a plan, with its level and when it comes. The documentation's table is made from this one. */
export const findingCodes = {
  'label-without-binding': {
    level: 'attention',
    when: 'The label of the pods matches no AzureIdentityBinding of the input.',
  },
  'label-empty': {
    level: 'attention',
    when: 'The label is empty, so that AAD Pod Identity ignores the pods.',
  },
  'label-not-text': {
    level: 'attention',
    when: 'The label, or the selector of a binding, is a number, a boolean or a list in the manifest. Kubernetes refuses that.',
  },
  'labels-differ': {
    level: 'attention',
    when: 'The pods of one object have different labels: its templates differ, or older pods still run.',
  },
  'label-only-on-pods': {
    level: 'attention',
    when: 'Running pods have the label, and the object that made them does not set it.',
  },
  'label-misplaced': {
    level: 'attention',
    when: 'An object has the label itself, and its pods do not: AAD Pod Identity looks at pods.',
  },
  'label-selected': {
    level: 'note',
    when: 'A selector of a Service, a policy or a workload selects pods by the label, and would lose them with it.',
  },
  'pods-not-replaced': {
    level: 'attention',
    when: 'The object has the proxy, and pods of it still run without.',
  },
  'must-be-recreated': {
    level: 'note',
    when: 'Pods and Jobs cannot be changed in the cluster, only replaced.',
  },
  'binding-in-other-namespace': {
    level: 'attention',
    when: 'Only a binding in another namespace matches, and nothing in the input says whether AAD Pod Identity matches across namespaces.',
  },
  'binding-also-elsewhere': {
    level: 'note',
    when: 'Bindings of other namespaces match beside one of the namespace, and nothing in the input says whether AAD Pod Identity matches them.',
  },
  'binding-not-matched': {
    level: 'attention',
    when: 'A binding in another namespace has the label as selector, and AAD Pod Identity does not match it.',
  },
  'binding-without-identity': {
    level: 'attention',
    when: 'A binding names an AzureIdentity that its namespace does not have.',
  },
  'binding-unused': { level: 'note', when: 'No pod has the label that a binding selects.' },
  'assigned-without-binding': {
    level: 'attention',
    when: 'An AzureAssignedIdentity says that a pod was given an identity, and no binding of the input explains it.',
  },
  'identity-only-assigned': {
    level: 'note',
    when: 'An identity is known only from an AzureAssignedIdentity.',
  },
  'identity-unused': { level: 'note', when: 'No workload of the input uses an AzureIdentity.' },
  'identity-shadowed': {
    level: 'attention',
    when: 'Two identities of one name in two namespaces match a pod. AAD Pod Identity assigns only the first.',
  },
  'client-id-twice': { level: 'note', when: 'Two AzureIdentities have the same client ID.' },
  'client-id-invalid': { level: 'blocked', when: 'The client ID is missing, or not a GUID.' },
  'client-id-case': {
    level: 'note',
    when: 'The client ID has upper-case letters or white space around it.',
  },
  'resource-id-invalid': {
    level: 'blocked',
    when: 'The resource ID of a managed identity is missing, or not one. AAD Pod Identity ignores such an identity.',
  },
  'resource-id-space': {
    level: 'note',
    when: 'The resource ID has white space around it, or in it.',
  },
  'old-spelling': {
    level: 'note',
    when: 'A field has the spelling of an old version, such as clientid or ResourceID.',
  },
  'type-unknown': { level: 'blocked', when: 'The type of an AzureIdentity is not 0, 1 or 2.' },
  'service-principal-secret': {
    level: 'attention',
    when: 'The identity is a service principal with a client secret (type 1).',
  },
  'service-principal-certificate': {
    level: 'attention',
    when: 'The identity is a service principal with a certificate (type 2).',
  },
  'auxiliary-tenants': {
    level: 'attention',
    when: 'The identity has auxiliaryTenantIDs. AAD Pod Identity answered with one token for each tenant.',
  },
  'tenant-missing': {
    level: 'attention',
    when: 'A service principal has no tenantID, and --tenant-id is not given.',
  },
  'tenant-invalid': {
    level: 'attention',
    when: 'The tenantID of an identity is not the ID or a domain of one tenant.',
  },
  'tenant-differs': {
    level: 'attention',
    when: 'The tenant of an identity is not the one of --tenant-id.',
  },
  'several-identities': {
    level: 'attention',
    when: 'The pods have several identities and --default-identity does not choose one.',
  },
  'default-chosen': {
    level: 'note',
    when: 'The pods have several identities, and --default-identity chose the default.',
  },
  'request-by-id': {
    level: 'note',
    when: 'Requests by object ID or resource ID need IMDS_PROXY_IDENTITIES; its value is given.',
  },
  'too-many-credentials': {
    level: 'attention',
    when: 'An identity needs more federated credentials than Entra keeps for one identity.',
  },
  'region-unknown': {
    level: 'note',
    when: 'There are managed identities: the input does not say in which region they are.',
  },
  'sdk-not-judged': {
    level: 'note',
    when: 'There are workloads: the input does not say which SDK they use.',
  },
  'issuer-missing': {
    level: 'attention',
    when: 'There are federated credentials, and no --issuer is known.',
  },
  'namespace-missing': {
    level: 'attention',
    when: 'Objects have no namespace, and --namespace is not given: default is assumed.',
  },
  'service-account-created': {
    level: 'note',
    when: 'The pods get a new ServiceAccount, which needs the roles of their present one.',
  },
  'service-account-shared': {
    level: 'note',
    when: 'Workloads without an identity use the same ServiceAccount, and could get its tokens as well.',
  },
  'service-account-unknown': {
    level: 'note',
    when: 'The ServiceAccount of the pods is not in the input.',
  },
  'service-account-other-identity': {
    level: 'attention',
    when: 'The ServiceAccount of the pods has the client ID of another identity.',
  },
  'owner-not-in-input': {
    level: 'attention',
    when: 'Pods are in the input, and the object that made them is not.',
  },
  'owner-kind-unknown': {
    level: 'attention',
    when: 'Pods belong to an object of a kind that is not known, or whose controller builds them from other fields.',
  },
  'host-network': { level: 'blocked', when: 'The pods use the network of the node.' },
  windows: { level: 'blocked', when: 'The pods run on Windows.' },
  'virtual-node': { level: 'blocked', when: 'The pods run on virtual nodes.' },
  'may-run-on-virtual-node': {
    level: 'attention',
    when: 'The pods tolerate virtual nodes, and may run there.',
  },
  'proxy-user-taken': { level: 'blocked', when: 'A container runs as the user of the proxy.' },
  'pod-security': {
    level: 'blocked',
    when: 'The namespace enforces a level of Pod Security that refuses NET_ADMIN.',
  },
  'not-injectable': {
    level: 'blocked',
    when: 'inject refuses the pods for another reason, which the message has.',
  },
  'already-injected': { level: 'note', when: 'The pods have the proxy already.' },
  exception: {
    level: 'note',
    when: 'An AzurePodIdentityException matches the pods: they are left alone.',
  },
  'upstream-proxy': { level: 'note', when: "The pods have upstream's proxy, or ask for it." },
  'secret-provider-class': {
    level: 'attention',
    when: 'A SecretProviderClass has usePodIdentity: "true": the CSI driver asks for the token, not the pod.',
  },
  'scope-contradicted': {
    level: 'attention',
    when: '--cluster-scoped is given, and the flags of MIC or NMI in the input say otherwise.',
  },
  'default-identity-unknown': {
    level: 'error',
    when: '--default-identity names a workload or an identity that the input does not have.',
  },
  'crd-without-objects': {
    level: 'attention',
    when: "The input has AAD Pod Identity's CustomResourceDefinitions, and none of its objects.",
  },
  'namespace-not-in-input': {
    level: 'note',
    when: 'The input lists namespaces, and not that of a binding or an identity.',
  },
  'duplicate-object': {
    level: 'error',
    when: 'Two objects of one kind, namespace and name differ.',
  },
  'repeated-object': {
    level: 'note',
    when: 'An object is in the input twice, with the same content.',
  },
  truncated: { level: 'error', when: 'A dump ends before its List does.' },
  unreadable: { level: 'error', when: 'A document cannot be read.' },
  'not-rendered': {
    level: 'note',
    when: 'A file of a folder is a template that nothing has rendered.',
  },
  'no-object': { level: 'error', when: 'There is no Kubernetes object in the input.' },
  'not-an-object': {
    level: 'attention',
    when: 'A document that no folder has is neither a Kubernetes object nor the output of az aks.',
  },
  'skipped-file': {
    level: 'note',
    when: 'A file of a folder is not read, for the reason that the message has.',
  },
  'invalid-object': {
    level: 'error',
    when: 'An object of AAD Pod Identity lacks a required field.',
  },
} as const satisfies Readonly<Record<string, { readonly level: Level; readonly when: string }>>;

/** Closed: a test and a row of the documentation exist for each. */
export type FindingCode = keyof typeof findingCodes;
