#!/bin/sh
# Helm pipes the rendered chart in and takes the result. INJECT is another way to call the program, such as
# "npx workload-identity-imds-proxy".
exec ${INJECT:-proxy} inject "$@"
