import type { IdentityBinding } from '../plan.ts';
import { toComment, toShellWord } from './quote.ts';
import { countFailures, printCounts } from './shell-parts.ts';

/** The script that creates the identity bindings of a cluster with `az`, and keeps those that are there. */
export function renderBindingsScript(bindings: readonly IdentityBinding[]): string {
  const lines = bindings.map(
    ({ name, clientId, resourceId }) =>
      `# client ID ${toComment(clientId)}\nbinding ${toShellWord(name)} ${toShellWord(resourceId)}\n`,
  );
  return `${head}\n${lines.join('\n')}\n${printCounts}`;
}

const head = `#!/usr/bin/env bash
# Lets the cluster use the managed identities: creates an identity binding for each.
#
#   ./identity-bindings.sh RESOURCE_GROUP CLUSTER            creates missing ones, and keeps the others
#   ./identity-bindings.sh RESOURCE_GROUP CLUSTER --dry-run  prints the names of the missing ones
#   ./identity-bindings.sh RESOURCE_GROUP CLUSTER --delete   deletes these bindings, and no others
#
# Run it once for each cluster. It needs az (2.73 or newer), signed in with az login, and these permissions:
#   Microsoft.ContainerService/managedClusters/write on the cluster
#   Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write on each identity
# AKS itself creates the one federated credential, aks-identity-binding. Do not change it.
set -euo pipefail

command -v az >/dev/null || {
  echo 'error: az is not installed; see https://learn.microsoft.com/cli/azure/install-azure-cli' >&2
  exit 1
}

export MSYS_NO_PATHCONV=1 # Git Bash on Windows takes resource IDs for paths

mode=create
case "\${3-}" in
  '') ;;
  --dry-run) mode=dry-run ;;
  --delete) mode=delete ;;
  *) mode=usage ;;
esac
if [ $# -lt 2 ] || [ "$mode" = usage ]; then
  echo "usage: $0 RESOURCE_GROUP CLUSTER [--dry-run | --delete]" >&2
  exit 2
fi
cluster=("--resource-group=$1" "--cluster-name=$2")
kept=0 changed=0 failed=0

${countFailures}
# Names and resource IDs of the identities, a line each.
found=$(az aks identity-binding list "\${cluster[@]}" --output tsv --only-show-errors --query \\
  '[].[name, managedIdentity.resourceId || properties.managedIdentity.resourceId]' </dev/null)

# Resource IDs do not depend on the case of letters.
lower() {
  printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

binding() { # name, resource ID
  local name identity has_name=no same=''
  while IFS=$'\\t' read -r name identity; do
    [ "$name" != "$1" ] || has_name=yes
    if [ "$(lower "$identity")" = "$(lower "$2")" ]; then same=$name; fi
  done <<<"$found"
  if [ "$mode" = delete ]; then
    if [ "$same" != "$1" ]; then
      echo "not there: $1"
    elif AZURE_CORE_DISABLE_CONFIRM_PROMPT=yes az aks identity-binding delete "\${cluster[@]}" "--name=$1" \\
      --output none --only-show-errors </dev/null; then
      echo "deleted: $1"
      changed=$((changed + 1))
    else
      fail "$1 cannot be deleted; see the error of az above"
    fi
  elif [ -n "$same" ]; then
    echo "kept: $same"
    kept=$((kept + 1))
  elif [ "$has_name" = yes ]; then
    fail "$1 exists for another identity; look at it, and rename or delete it"
  elif [ "$mode" = dry-run ]; then
    echo "would create: $1"
    changed=$((changed + 1))
  elif az aks identity-binding create "\${cluster[@]}" "--name=$1" "--managed-identity-resource-id=$2" \\
    --output none --only-show-errors </dev/null; then
    echo "created: $1"
    changed=$((changed + 1))
  else
    fail "$1 cannot be created; see the error of az above"
  fi
}
`;
