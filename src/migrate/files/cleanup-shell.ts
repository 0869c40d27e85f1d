import type { ObjectName, Plan } from '../plan.ts';
import { toComment, toShellWord } from './quote.ts';

/** The script that removes AAD Pod Identity at the end, object by object, and lists the decisions for a person. */
export function renderCleanup(plan: Plan): string {
  const of = (kind: string): readonly ObjectName[] =>
    plan.leftovers.filter((one) => one.kind === kind && one.namespace !== null);
  const managed = plan.identities.flatMap(({ resourceId }) => resourceId ?? []);
  const parts = [
    step('Bindings first: MIC then takes the identities away from the nodes.'),
    ...renderObjects('azureidentitybindings', of('AzureIdentityBinding')),
    'release_assigned',
    step('The objects that the bindings used.'),
    ...renderObjects('azureidentities', of('AzureIdentity')),
    ...renderObjects('azurepodidentityexceptions', of('AzurePodIdentityException')),
    'stop_at_others',
    step('MIC and NMI. NMI takes its rules off the node when it ends.'),
    ...plan.components.map(({ kind, namespace, name, isAddOn }) =>
      isAddOn
        ? `add_on ${[kind, namespace ?? '', name].map(toShellWord).join(' ')}`
        : `component ${[kind.toLowerCase(), namespace ?? '', name].map(toShellWord).join(' ')}`,
    ),
    'definitions',
    step(
      'For a person: roles and Secrets that may be of no use any more. Nothing of it is deleted.',
    ),
    ...[...new Set(managed)].map((id) => `roles_on ${toShellWord(id)}`),
    'roles_of_nodes',
    ...findSecrets(plan).map(({ namespace, name }) =>
      ['secret', namespace, name].map(toShellWord).join(' '),
    ),
  ];
  return `${head}\n${parts.join('\n')}\n${tail}`;
}

function step(title: string): string {
  return `\n# ${title}`;
}

function renderObjects(resource: string, objects: readonly ObjectName[]): readonly string[] {
  return objects.map(({ namespace, name }) =>
    ['remove', resource, namespace ?? '', name].map(toShellWord).join(' '),
  );
}

function findSecrets(plan: Plan): readonly { readonly namespace: string; readonly name: string }[] {
  const secrets = plan.identities.flatMap(({ secret }) => secret ?? []);
  return [...new Map(secrets.map((one) => [toComment(JSON.stringify(one)), one])).values()];
}

const head = `#!/usr/bin/env bash
# Removes AAD Pod Identity from the cluster, when no pod needs it any more.
#
#   ./cleanup.sh        prints its commands, and changes nothing
#   ./cleanup.sh --yes  does it
#
# Options: --ignore-pods continues although pods depend on AAD Pod Identity; they lose their identity.
#          --cluster RESOURCE_GROUP NAME also lists the roles of the cluster's nodes, with az.
#
# It needs kubectl with permission to list pods, to delete the objects below and CustomResourceDefinitions, and to patch
# azureassignedidentities (the role cluster-admin has all of it). To list roles it needs az with
# Microsoft.Authorization/roleAssignments/read (the role Reader has it). It can be run again.
set -euo pipefail

command -v kubectl >/dev/null || {
  echo 'error: kubectl is not installed; see https://kubernetes.io/docs/tasks/tools/' >&2
  exit 1
}

is_real=no ignores_pods=no group='' cluster=''
while [ $# -gt 0 ]; do
  case "$1" in
    --yes) is_real=yes ;;
    --ignore-pods) ignores_pods=yes ;;
    --cluster)
      if [ $# -lt 3 ]; then
        echo "usage: $0 [--yes] [--ignore-pods] [--cluster RESOURCE_GROUP NAME]" >&2
        exit 2
      fi
      group=$2 cluster=$3
      shift 2
      ;;
    *)
      echo "usage: $0 [--yes] [--ignore-pods] [--cluster RESOURCE_GROUP NAME]" >&2
      exit 2
      ;;
  esac
  shift
done

api=aadpodidentity.k8s.io
resources=(azureidentitybindings azureassignedidentities azureidentities azurepodidentityexceptions)
keeps_definitions=no

echo "cluster: $(kubectl config current-context 2>/dev/null || echo unknown)"

# Prints a command and, with --yes, runs it.
run() {
  printf '+'
  printf ' %q' "$@"
  printf '\\n'
  [ "$is_real" = no ] || "$@" </dev/null
}

defined=$(kubectl get customresourcedefinitions --output=name </dev/null)
is_defined() { # resource
  case "$defined" in
    *"customresourcedefinition.apiextensions.k8s.io/$1.$api"*) return 0 ;;
    *) return 1 ;;
  esac
}

# Objects of a resource, "NAMESPACE NAME" a line each.
list() { # resource
  is_defined "$1" || return 0
  kubectl get "$1.$api" --all-namespaces --no-headers \\
    --output=custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name </dev/null 2>/dev/null
}

# Pods that run with the label and without the proxy still get their tokens from NMI.
dependent=''
while IFS=$'\\t' read -r pod containers; do
  case " $containers " in
    *' azwi-proxy '*) ;;
    '  ') ;;
    *) dependent+="  $pod"$'\\n' ;;
  esac
done <<<"$(kubectl get pods --all-namespaces --selector=aadpodidbinding \\
  --field-selector=status.phase!=Succeeded,status.phase!=Failed --output=jsonpath="$(
    printf '%s' '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\t"}' \\
      '{.spec.initContainers[*].name} {.spec.containers[*].name}{"\\n"}{end}'
  )" </dev/null)"
if [ -n "$dependent" ]; then
  printf 'These pods have the label aadpodidbinding and no proxy:\\n%s' "$dependent"
  if [ "$ignores_pods" = no ]; then
    echo 'Migrate them first. If they need no identity, run this script with --ignore-pods.' >&2
    exit 1
  fi
fi

remove() { # resource, namespace, name
  is_defined "$1" || return 0
  run kubectl delete --ignore-not-found "--namespace=$2" -- "$1.$api" "$3"
}

# MIC deletes each AzureAssignedIdentity when it has taken the identity away from the node. If MIC does not run, the
# finalizer would keep the object for ever.
release_assigned() {
  local left namespace name
  [ "$is_real" = yes ] || return 0
  for ((second = 0; second < \${CLEANUP_WAIT_SECONDS:-300}; second += 5)); do
    [ -n "$(list azureassignedidentities)" ] || return 0
    [ "$second" != 0 ] || echo 'waiting for MIC to take the identities away from the nodes'
    sleep 5
  done
  left=$(list azureassignedidentities)
  while read -r namespace name; do
    [ -n "$namespace" ] || continue
    run kubectl patch "azureassignedidentities.$api" "$name" "--namespace=$namespace" --type=merge \\
      '--patch={"metadata":{"finalizers":null}}'
    remove azureassignedidentities "$namespace" "$name"
  done <<<"$left"
}

# Objects that the plan did not know may belong to workloads that it did not know either.
stop_at_others() {
  local resource left
  [ "$is_real" = yes ] || return 0
  for resource in "\${resources[@]}"; do
    left=$(list "$resource")
    [ -n "$left" ] || continue
    printf 'These %s are not in the plan:\\n%s\\n' "$resource" "$left"
    echo 'MIC and NMI stay. Make a plan of the whole cluster again, and then run its cleanup.sh.' >&2
    exit 1
  done
}

component() { # kind, namespace, name
  local release
  release=$(kubectl get --ignore-not-found "--namespace=$2" --output=jsonpath='{.metadata.annotations.meta\\.helm\\.sh/release-name}' \\
    -- "$1" "$3" </dev/null)
  if [ -n "$release" ]; then
    printf 'Helm manages %s %s/%s. Run: helm uninstall %q --namespace %q\\n' "$1" "$2" "$3" "$release" "$2"
    keeps_definitions=yes
  else
    run kubectl delete --ignore-not-found "--namespace=$2" -- "$1" "$3"
  fi
}

add_on() { # kind, namespace, name
  printf 'AKS manages %s %s/%s. Run: az aks update --resource-group %q --name %q --disable-pod-identity\\n' \\
    "$1" "$2" "$3" "\${group:-<RESOURCE_GROUP>}" "\${cluster:-<CLUSTER>}"
  keeps_definitions=yes
}

definitions() {
  local resource
  if [ "$keeps_definitions" = yes ]; then
    echo 'The CustomResourceDefinitions stay as long as MIC and NMI are there. Run this script again afterwards.'
    return 0
  fi
  for resource in "\${resources[@]}"; do
    is_defined "$resource" || continue
    run kubectl delete --ignore-not-found -- customresourcedefinition "$resource.$api"
  done
  echo 'Roles of MIC and NMI, if they are not part of a chart:'
  kubectl get clusterroles,clusterrolebindings,serviceaccounts --all-namespaces --output=name </dev/null |
    grep --extended-regexp '/aad-pod-id' | sed 's/^/  /' || true
}

roles_on() { # resource ID
  echo "Roles on $1 (AAD Pod Identity needed Managed Identity Operator for the nodes):"
  if [ -z "$cluster" ]; then
    printf '  az role assignment list --scope %q --include-inherited --output table\\n' "$1"
  else
    az role assignment list "--scope=$1" --include-inherited --output table --only-show-errors </dev/null || true
  fi
}

roles_of_nodes() {
  local kubelet nodes scale_set
  if [ -z "$cluster" ]; then
    echo 'Roles of the node pools: run this script with --cluster RESOURCE_GROUP NAME to list them.'
    return 0
  fi
  kubelet=$(az aks show "--resource-group=$group" "--name=$cluster" --output tsv --only-show-errors \\
    --query identityProfile.kubeletidentity.objectId </dev/null)
  nodes=$(az aks show "--resource-group=$group" "--name=$cluster" --output tsv --only-show-errors \\
    --query nodeResourceGroup </dev/null)
  echo "Roles of the node pools' identity $kubelet:"
  az role assignment list "--assignee=$kubelet" --all --output table --only-show-errors </dev/null || true
  echo "Identities that are assigned to the nodes in $nodes:"
  while read -r scale_set; do
    [ -n "$scale_set" ] || continue
    az vmss identity show "--resource-group=$nodes" "--name=$scale_set" --only-show-errors \\
      --query 'keys(userAssignedIdentities)' --output tsv </dev/null || true
  done <<<"$(az vmss list "--resource-group=$nodes" --query '[].name' --output tsv --only-show-errors </dev/null)"
}

secret() { # namespace, name
  printf 'When nothing else uses it: kubectl delete secret --namespace %q %q\\n' "$1" "$2"
}
`;

const tail = `
[ "$is_real" = yes ] || echo 'Nothing was changed. Run it again with --yes.'
`;
