#!/bin/sh
# curl as a script in a pod uses it: <kind> <rounds> <resource> <selector>..., see programs/javascript/answer.mjs.
rounds=$2 resource=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ask() {
  case $1 in
    default) set -- ;;
    resource_id=*) set -- --data-urlencode "msi_res_id=${1#*=}" ;;
    *) set -- --data-urlencode "$1" ;;
  esac
  # The exit code of --fail-with-body is what a script branches on; --retry heeds Retry-After.
  if body=$(curl --silent --show-error --fail-with-body --get --retry 6 --header 'Metadata: true' \
    --data-urlencode 'api-version=2018-02-01' --data-urlencode "resource=$resource" "$@" \
    http://169.254.169.254/metadata/identity/oauth2/token 2>/dev/null); then
    printf '{"token":"%s"}' "$(printf '%s' "$body" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')"
  else
    code=$?
    printf '{"error":"exit %s","message":"%s"}' "$code" "$(printf '%s' "$body" | sed 's/["\\]/\\&/g')"
  fi
}

count=0
for selector; do
  count=$((count + 1))
  (
    separator=
    for _ in $(seq "$rounds"); do
      printf '%s' "$separator"
      ask "$selector"
      separator=,
    done >"$work/$count"
  ) &
done
wait
printf '['
for number in $(seq "$count"); do
  [ "$number" = 1 ] || printf ','
  cat "$work/$number"
done
printf ']\n'
