#!/usr/bin/env bash
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
case "${1-}" in
  '') ;;
  --dry-run) mode=dry-run ;;
  --delete) mode=delete ;;
  *)
    echo "usage: $0 [--dry-run | --delete]" >&2
    exit 2
    ;;
esac

limit=20 # credentials that Entra keeps for one identity
kept=0 changed=0 failed=0
kind='' owner='' is_known=no count=0
target=() present=()

fail() {
  printf 'error: %s\n' "$1" >&2
  failed=$((failed + 1))
}

# Reads the credentials of an identity: name, issuer, subject and audience, a line each.
read_present() {
  local found line
  is_known=no present=() count=0
  if ! found=$("$@" --output tsv --only-show-errors --query \
    '[].[name, issuer || properties.issuer, subject || properties.subject, (audiences || properties.audiences)[0]]' \
    </dev/null); then
    fail "$owner: its credentials cannot be read; see the error of az above"
    return 0
  fi
  is_known=yes
  [ -n "$found" ] || return 0
  # bash 3.2, which macOS has, knows no mapfile.
  while IFS= read -r line; do present+=("$line"); done <<<"$found"
  count=${#present[@]}
}

managed_identity() { # subscription, resource group, name
  kind=identity owner="$2/$3"
  target=("--subscription=$1" "--resource-group=$2" "--identity-name=$3")
  read_present az identity federated-credential list "${target[@]}"
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
  read_present az ad app federated-credential list "${target[@]}"
}

create() { # name, issuer, subject, audience; for an application also all of them as JSON
  case $kind in
    identity)
      az identity federated-credential create "${target[@]}" "--name=$1" "--issuer=$2" "--subject=$3" \
        "--audiences=$4" --output none --only-show-errors </dev/null
      ;;
    application)
      az ad app federated-credential create "${target[@]}" --output none --only-show-errors \
        "--parameters=$5" </dev/null
      ;;
  esac
}

delete() { # name
  case $kind in
    identity)
      az identity federated-credential delete "${target[@]}" "--name=$1" --yes --output none --only-show-errors </dev/null
      ;;
    application)
      az ad app federated-credential delete "${target[@]}" "--federated-credential-id=$1" --only-show-errors </dev/null
      ;;
  esac
}

credential() { # name, issuer, subject, audience
  local line name issuer subject audience has_name=no same=''
  [ "$is_known" = yes ] || return 0
  for line in ${present[@]+"${present[@]}"}; do
    IFS=$'\t' read -r name issuer subject audience <<<"$line"
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

# shop-payments, client ID 0a9e3d5c-7c52-4f0b-8e61-51b0c9d24e22
managed_identity 2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90 shop shop-payments
credential shop-checkout-675de9db https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:shop:checkout api://AzureADTokenExchange

# billing-ledger, client ID 4e8a6c1f-90b7-4d25-a6e3-1d5f7b2c8a66
managed_identity 2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90 billing billing-ledger
credential billing-ledger-363fe1ea https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:billing:ledger api://AzureADTokenExchange

# shop-orders, client ID 6f1d1a36-5a3f-4b0e-9d0c-2f6b8f0d7a11
managed_identity 2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90 shop shop-orders
credential shop-orders-e1e72e50 https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:shop:orders api://AzureADTokenExchange

# invoices, client ID 93e5f7b0-2d84-4c19-8f3b-6a1c0e9d5b55
application 93e5f7b0-2d84-4c19-8f3b-6a1c0e9d5b55 8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88
credential billing-invoices-3cb145fd https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:billing:invoices api://AzureADTokenExchange '{"name":"billing-invoices-3cb145fd","issuer":"https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/","subject":"system:serviceaccount:billing:invoices","audiences":["api://AzureADTokenExchange"]}'

# platform-storage, client ID b41c7d28-63e9-4a57-a2f4-9c3e1f5d8b33
managed_identity 2c1f0f64-8d0a-4b52-9d8e-0c6f4d3b7a90 platform platform-storage
credential monitoring-metrics-export-18b1dcf5 https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:monitoring:metrics-export api://AzureADTokenExchange
credential shop-catalog-1735b4bb https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:shop:catalog api://AzureADTokenExchange
credential shop-checkout-675de9db https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:shop:checkout api://AzureADTokenExchange
credential shop-export-fffa5a6c https://westeurope.oic.prod-aks.azure.com/8b7f3d52-1c64-4e0a-9b8d-3f2e1a0c9d88/5d0e7f1c-3b62-4a98-8c7d-1f0e9b2a6d77/ system:serviceaccount:shop:export api://AzureADTokenExchange

case $mode in
  create) echo "$changed created, $kept kept, $failed failed" ;;
  dry-run) echo "$changed would be created, $kept kept, $failed failed" ;;
  delete) echo "$changed deleted, $failed failed" ;;
esac
[ "$failed" = 0 ]
