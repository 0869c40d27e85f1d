import { groupBy } from '../group-by.ts';
import type { Plan, PlannedWorkload } from '../plan.ts';
import { toMarkdownCode, toShellBlock, toShellWord } from './quote.ts';
import type { WorkloadFile } from './workload-files.ts';

/** What the folder holds, and how the pods get their containers. */
export interface Contents {
  readonly plan: Plan;
  readonly workloads: readonly WorkloadFile[];
  readonly issuers: readonly string[];
  /** Pods bring their own token, because there is no webhook. */
  readonly hasOwnToken: boolean;
  readonly dropsLabel: boolean;
}

/** A step of the migration. */
export interface Step {
  readonly title: string;
  readonly text: string;
}

/** Federated credentials, or identity bindings, or both: applications have no bindings. */
export function renderTrust({ plan }: Contents): Step | undefined {
  const parts = [renderBindings(plan), renderCredentials(plan)].filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  return { title: 'Let the identities trust the ServiceAccounts', text: parts.join('\n') };
}

function renderBindings({ identityBindings, identities }: Plan): string {
  if (identityBindings.length === 0) return '';
  const limit = identities[0]?.limit ?? 0;
  const crowded = identityBindings
    .filter(({ replaces }) => replaces > limit)
    .map(({ resourceId, replaces }) => `${toMarkdownCode(resourceId)} (${replaces} credentials)`);
  const onlyWay =
    crowded.length === 0
      ? ''
      : `With one identity, the binding is the only way for ${crowded.join(', ')}: Entra keeps ${limit} federated credentials
for one identity.

`;
  return `${onlyWay}Roles: \`Microsoft.ContainerService/managedClusters/write\` on the cluster and
\`Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write\` on each identity; to apply the
YAML, permission to create ClusterRoles. Each cluster needs its own bindings.

${toShellBlock([
  './identity-bindings.sh <RESOURCE_GROUP> <CLUSTER>',
  'kubectl apply --filename identity-bindings.yaml',
])}
Verify: ${identityBindings.length === 1 ? 'the binding is' : `the ${identityBindings.length} bindings are`} listed.

${toShellBlock([
  'az aks identity-binding list --resource-group <RESOURCE_GROUP> --cluster-name <CLUSTER> --output table',
])}
Roll back:

${toShellBlock([
  'kubectl delete --filename identity-bindings.yaml',
  './identity-bindings.sh <RESOURCE_GROUP> <CLUSTER> --delete',
])}`;
}

function renderCredentials({ federatedCredentials, identities }: Plan): string {
  const [first] = federatedCredentials;
  if (first === undefined) return '';
  const { type, clientId, subscription, resourceGroup, identity } = first;
  // With an equals sign, because a name may begin with a hyphen.
  const words = [
    `--subscription=${subscription}`,
    `--resource-group=${resourceGroup}`,
    `--identity-name=${identity}`,
  ]
    .map(toShellWord)
    .join(' ');
  const verify =
    type === 'UserAssignedManagedIdentity'
      ? `az identity federated-credential list ${words} --output table`
      : `az ad app federated-credential list ${toShellWord(`--id=${clientId}`)} --output table`;
  const count = federatedCredentials.length;
  return `${describeCrowded(identities)}Choose one of the three: the script, Bicep or Terraform. The script keeps credentials that are there, and can be run
again. With \`--dry-run\` it prints the missing ones. Bicep has no credentials of applications.

Roles:

${describeRoles(federatedCredentials)}
${toShellBlock(['./federated-credentials.sh --dry-run', './federated-credentials.sh'])}
Verify: a second run says \`0 created, ${count} kept, 0 failed\`. This shows the credentials of the first identity:

${toShellBlock([verify])}
It can take some minutes until Entra accepts a new credential everywhere. Roll back:

${toShellBlock(['./federated-credentials.sh --delete'])}`;
}

/** Says where credentials alone do not suffice. */
function describeCrowded(identities: Plan['identities']): string {
  const crowded = identities.filter(({ credentials, limit }) => credentials > limit);
  if (crowded.length === 0) return '';
  const names = crowded.map(
    (one) => `${toMarkdownCode(`${one.namespace}/${one.name}`)} (${one.credentials})`,
  );
  return `**More than ${crowded[0]?.limit} credentials:** ${names.join(', ')}. Entra keeps no more for one identity, and the script stops there. With
one identity, identity bindings of AKS are the only way: make the plan again with \`--identity-binding\`. Applications have
none. The other way is a second identity with the same roles for a part of the workloads.

`;
}

function describeRoles(credentials: Plan['federatedCredentials']): string {
  const isManaged = credentials.map(({ type }) => type === 'UserAssignedManagedIdentity');
  const managed = `- On each managed identity \`Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read\`,
  \`/write\` and, to roll back, \`/delete\`. The role Managed Identity Contributor has them.
`;
  const applications = `- For each application: be its owner, or have the Entra role Application Administrator, Application Developer (for your
  own applications) or Cloud Application Administrator.
`;
  return `${isManaged.includes(true) ? managed : ''}${isManaged.includes(false) ? applications : ''}`;
}

export function renderAccounts({ plan }: Contents): Step | undefined {
  const [first] = plan.serviceAccounts;
  if (first === undefined) return undefined;
  const { namespace, name } = first;
  return {
    title: 'Create and annotate the ServiceAccounts',
    text: `Roles: create and patch ServiceAccounts in the namespaces of the plan (the Kubernetes role \`edit\` can). New
ServiceAccounts need the RBAC roles of those that they replace: see the findings.

${toShellBlock([
  'kubectl apply --server-side --field-manager=imds-proxy-migrate --filename serviceaccounts.yaml',
])}
Verify: each has a client ID.

${toShellBlock([
  "kubectl get --filename serviceaccounts.yaml --output custom-columns='NAMESPACE:.metadata.namespace,NAME:.metadata.name,CLIENT:.metadata.annotations.azure\\.workload\\.identity/client-id'",
])}
Roll back: the annotations have no effect on pods that do not use workload identity. This removes them from the first one:

${toShellBlock([
  `kubectl annotate serviceaccount --namespace ${toShellWord(namespace)} ${toShellWord(name)} azure.workload.identity/client-id- azure.workload.identity/tenant-id-`,
])}`,
  };
}

export function renderCanary(contents: Contents): Step | undefined {
  const canary = chooseCanary(contents.workloads);
  if (canary === undefined) return undefined;
  const { workload, path } = canary;
  const { namespace, kind, name, status } = workload;
  const why =
    status === 'ready'
      ? 'Begin with this one, which has no open findings'
      : 'Begin with this one. Every workload has open findings: look at those of this one first';
  const isRolledOut = rolledOut.includes(kind);
  const where = `--namespace ${toShellWord(namespace)} ${targetOf(workload)}`;
  return {
    title: 'Move one workload',
    text: `${why}: ${toMarkdownCode(`${namespace}/${kind} ${name}`)}.

Roles: patch the workload in its namespace (the Kubernetes role \`edit\` can). Unless the proxy works without the
redirect, the namespace must admit the capability \`NET_ADMIN\` for the init container.

${toShellBlock([
  `kubectl diff --filename ${path}`,
  ...toApply(canary),
  ...(isRolledOut ? [`kubectl rollout status ${where}`] : []),
])}
Verify: the proxy's log has a line for each token that it got.

${toShellBlock([`kubectl logs ${where} --container azwi-proxy --tail 20`])}
Wait as long as you need to trust it, through a restart of the pods at least. Roll back${
      isRolledOut
        ? `:\n\n${toShellBlock([`kubectl rollout undo ${where}`])}`
        : ': apply the manifest of before.\n'
    }`,
  };
}

/** A Deployment that is ready, if there is one: it can be rolled back with one command. Best it gets tokens from AAD Pod Identity. */
function chooseCanary(workloads: readonly WorkloadFile[]): WorkloadFile | undefined {
  const isDeployment = ({ workload }: WorkloadFile): boolean => workload.kind === 'Deployment';
  const isReady = ({ workload }: WorkloadFile): boolean => workload.status === 'ready';
  const others = workloads.filter(({ workload }) => workload.namespace !== 'kube-system');
  const depending = others.filter(({ workload }) => workload.dependsOnPodIdentity);
  const usual = depending.length > 0 ? depending : others;
  return (
    usual.find((one) => isDeployment(one) && isReady(one)) ??
    usual.find(isReady) ??
    usual.find(isDeployment) ??
    workloads[0]
  );
}

const rolledOut = ['Deployment', 'StatefulSet', 'DaemonSet'];

function targetOf({ kind, group, name }: PlannedWorkload): string {
  const isOwn = ['', 'apps', 'batch', 'extensions'].includes(group);
  return toShellWord(`${(isOwn ? kind : `${kind}.${group}`).toLowerCase()}/${name}`);
}

/** Pods and Jobs cannot be changed in a cluster. */
function isFixed({ workload: { group, kind } }: WorkloadFile): boolean {
  return (group === '' && kind === 'Pod') || (group === 'batch' && kind === 'Job');
}

function toApply(file: WorkloadFile): readonly string[] {
  const { path } = file;
  return isFixed(file)
    ? [`kubectl replace --force --filename ${path} # deletes it and creates it again`]
    : [`kubectl apply --filename ${path}`];
}

/** A command for each folder, in which the first workload may be once more. */
function toApplyAll(files: readonly WorkloadFile[]): readonly string[] {
  const folders = groupBy(files, ({ path }) => path.replace(/[^/]*$/, ''));
  return [...folders].flatMap(([folder, all]) =>
    all.some(isFixed) ? all.flatMap(toApply) : [`kubectl apply --filename ${folder}`],
  );
}

export function renderRest({ workloads, dropsLabel }: Contents): Step | undefined {
  const canary = chooseCanary(workloads);
  const rest = workloads.filter((one) => one !== canary);
  if (rest.length === 0) return undefined;
  return {
    title: 'Move the rest',
    text: `Go namespace by namespace. Look at the findings of workloads with the status *attention* first.

${toShellBlock(toApplyAll(rest))}
Verify: this lists the pods that still get their tokens from AAD Pod Identity. \`proxy migrate --check\` on a new dump
says the same, and why.

${toShellBlock([
  "kubectl get pods --all-namespaces --selector aadpodidbinding --no-headers --output custom-columns='NAMESPACE:.metadata.namespace,NAME:.metadata.name,CONTAINERS:.spec.containers[*].name,INIT:.spec.initContainers[*].name' | grep --invert-match --word-regexp azwi-proxy",
])}
${
  dropsLabel
    ? '`workloads/` has no label `aadpodidbinding`. `kubectl apply` removes a label only if it set it itself. If pods still have\nit, use `kubectl replace`.\n'
    : 'The pods keep the label `aadpodidbinding`, so that they can be rolled back as they are. Make the plan again with\n`--drop-label` to remove it.\n'
}
Roll back: as the first one.
`,
  };
}

export function renderCleanup({ plan }: Contents): Step {
  const hasSecrets = plan.identities.some(({ secret }) => secret !== null);
  return {
    title: 'Clean up',
    text: `Do this when nothing depends on AAD Pod Identity any more: it cannot be rolled back, except by a new installation.
\`cleanup.sh\` alone changes nothing. It stops while a pod has the label and no proxy. It lists the roles of the node pools${
      hasSecrets ? ' and\nthe Secrets of service principals' : ''
    } for you to judge, and deletes none of them.

Roles: \`cluster-admin\`, or the permissions at the head of the script. To list roles, \`Reader\` on the subscription.

${toShellBlock(['./cleanup.sh', './cleanup.sh --yes --cluster <RESOURCE_GROUP> <CLUSTER>'])}
Verify: this prints nothing.

${toShellBlock(['kubectl api-resources --api-group=aadpodidentity.k8s.io --no-headers'])}`,
  };
}
