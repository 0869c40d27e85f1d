#!/bin/sh
# kustomize passes no arguments to a function. INJECT is another way to call the program, such as
# "npx workload-identity-imds-proxy".
exec ${INJECT:-proxy} inject --krm
