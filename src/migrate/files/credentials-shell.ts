import { groupBy } from '../group-by.ts';
import type { FederatedCredential } from '../plan.ts';
import { toComment, toShellWord } from './quote.ts';
import { countFailures, printCounts } from './shell-parts.ts';

/** A credential of a plan that names the issuer. */
export type IssuedCredential = FederatedCredential & { readonly issuer: string };

/**
 * The script that creates the federated credentials with `az`, one after the other: writes to one identity may not
 * overlap. It keeps existing ones, so that it can be run again after a fault.
 * @param tenantOf the tenant of a service principal, by its client ID.
 */
export function renderCredentialsScript(
  credentials: readonly IssuedCredential[],
  limit: number,
  tenantOf: (clientId: string) => string | undefined,
): string {
  const owners = [...groupBy(credentials, toOwner)].map(([, all]) => {
    const [first] = all;
    return first === undefined ? '' : renderOwner(first, all, tenantOf);
  });
  return `${head(limit)}\n${owners.join('\n')}\n${printCounts}`;
}

function toOwner({ clientId, subscription, resourceGroup, identity }: IssuedCredential): string {
  return JSON.stringify([clientId, subscription, resourceGroup, identity]);
}

function renderOwner(
  first: IssuedCredential,
  all: readonly IssuedCredential[],
  tenantOf: (clientId: string) => string | undefined,
): string {
  const { type, identity, clientId, subscription, resourceGroup } = first;
  const isManaged = type === 'UserAssignedManagedIdentity';
  const owner = isManaged
    ? ['managed_identity', subscription ?? '', resourceGroup ?? '', identity]
    : ['application', clientId, tenantOf(clientId) ?? ''];
  const lines = all.map(({ name, issuer, subject, audience }) => {
    const words = ['credential', name, issuer, subject, audience];
    if (isManaged) return toCommand(words);
    return toCommand([...words, JSON.stringify({ name, issuer, subject, audiences: [audience] })]);
  });
  const title = `# ${toComment(identity)}, client ID ${toComment(clientId)}`;
  return `${[title, toCommand(owner), ...lines].join('\n')}\n`;
}

function toCommand(words: readonly string[]): string {
  return words.map(toShellWord).join(' ');
}

const head = (limit: number): string => `#!/usr/bin/env bash
# Lets the identities trust the ServiceAccounts of the cluster: creates their federated credentials.
#
#   ./federated-credentials.sh            creates missing ones, and keeps the others
#   ./federated-credentials.sh --dry-run  prints the missing ones
#   ./federated-credentials.sh --delete   deletes these credentials, and no others
#
# It needs az, signed in with az login, and these permissions. On each managed identity:
#   Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read, /write and, to delete, /delete
#   (the role Managed Identity Contributor has them).
# For each application: its owner, or the Entra role Application Administrator, Application Developer (own applications)
# or Cloud Application Administrator.
#
# It writes one credential after the other, because Entra refuses concurrent writes to one identity. It can be run again.
set -euo pipefail

command -v az >/dev/null || {
  echo 'error: az is not installed; see https://learn.microsoft.com/cli/azure/install-azure-cli' >&2
  exit 1
}

mode=create
case "\${1-}" in
  '') ;;
  --dry-run) mode=dry-run ;;
  --delete) mode=delete ;;
  *)
    echo "usage: $0 [--dry-run | --delete]" >&2
    exit 2
    ;;
esac

limit=${limit} # credentials that Entra keeps for one identity
kept=0 changed=0 failed=0
kind='' owner='' is_known=no count=0
target=() present=()

${countFailures}
# Reads the credentials of an identity: name, issuer, subject and audience, a line each.
read_present() {
  local found line
  is_known=no present=() count=0
  if ! found=$("$@" --output tsv --only-show-errors --query \\
    '[].[name, issuer || properties.issuer, subject || properties.subject, (audiences || properties.audiences)[0]]' \\
    </dev/null); then
    fail "$owner: its credentials cannot be read; see the error of az above"
    return 0
  fi
  is_known=yes
  [ -n "$found" ] || return 0
  # bash 3.2, which macOS has, knows no mapfile.
  while IFS= read -r line; do present+=("$line"); done <<<"$found"
  count=\${#present[@]}
}

managed_identity() { # subscription, resource group, name
  kind=identity owner="$2/$3"
  target=("--subscription=$1" "--resource-group=$2" "--identity-name=$3")
  read_present az identity federated-credential list "\${target[@]}"
}

tenant=''
application() { # client ID, tenant
  kind=application owner="application $1"
  target=("--id=$1")
  is_known=no
  [ -n "$tenant" ] || tenant=$(az account show --query tenantId --output tsv </dev/null)
  if [ -n "$2" ] && [ "$2" != "$tenant" ]; then
    fail "$owner is in the tenant $2, and az is signed in to $tenant; run az login --tenant $2, then this script again"
    return 0
  fi
  read_present az ad app federated-credential list "\${target[@]}"
}

create() { # name, issuer, subject, audience; for an application also all of them as JSON
  case $kind in
    identity)
      az identity federated-credential create "\${target[@]}" "--name=$1" "--issuer=$2" "--subject=$3" \\
        "--audiences=$4" --output none --only-show-errors </dev/null
      ;;
    application)
      az ad app federated-credential create "\${target[@]}" --output none --only-show-errors \\
        "--parameters=$5" </dev/null
      ;;
  esac
}

delete() { # name
  case $kind in
    identity)
      az identity federated-credential delete "\${target[@]}" "--name=$1" --yes --output none --only-show-errors </dev/null
      ;;
    application)
      az ad app federated-credential delete "\${target[@]}" "--federated-credential-id=$1" --only-show-errors </dev/null
      ;;
  esac
}

credential() { # name, issuer, subject, audience
  local line name issuer subject audience has_name=no same=''
  [ "$is_known" = yes ] || return 0
  for line in \${present[@]+"\${present[@]}"}; do
    IFS=$'\\t' read -r name issuer subject audience <<<"$line"
    [ "$name" != "$1" ] || has_name=yes
    if [ "$issuer" = "$2" ] && [ "$subject" = "$3" ] && [ "$audience" = "$4" ]; then same=$name; fi
  done
  if [ "$mode" = delete ]; then
    if [ "$same" != "$1" ]; then
      echo "not there: $owner: $1"
    elif delete "$1"; then
      echo "deleted: $owner: $1"
      changed=$((changed + 1))
    else
      fail "$owner: $1 cannot be deleted; see the error of az above"
    fi
  elif [ -n "$same" ]; then
    echo "kept: $owner: $same ($3)"
    kept=$((kept + 1))
  elif [ "$has_name" = yes ]; then
    fail "$owner: $1 exists with another issuer, subject or audience; look at it, and rename or delete it"
  elif [ "$count" -ge "$limit" ]; then
    fail "$owner: it has $count credentials, and Entra keeps no more; use an identity binding or a second identity for $3"
  elif [ "$mode" = dry-run ]; then
    echo "would create: $owner: $1 ($3)"
    count=$((count + 1)) changed=$((changed + 1))
  elif create "$@"; then
    echo "created: $owner: $1 ($3)"
    count=$((count + 1)) changed=$((changed + 1))
  else
    fail "$owner: $1 cannot be created; see the error of az above"
  fi
}
`;
