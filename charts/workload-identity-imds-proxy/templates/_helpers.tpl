{{/* Beginning of the names of all objects. Of two releases, the second has the name of its release. */}}
{{- define "imds-proxy.name" -}}
{{- $name := .Values.nameOverride | default "imds-proxy" -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (.Release.Name | trunc 20 | trimSuffix "-") $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "imds-proxy.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* The same with those of the values, which win: the API refuses a label that is there twice. Arguments: root, labels. */}}
{{- define "imds-proxy.labelsWith" -}}
{{- merge (deepCopy .labels) (include "imds-proxy.labels" .root | fromYaml) | toYaml -}}
{{- end -}}

{{/*
The image of one container. A released chart knows the digests of its version (files/digests.yaml).
Arguments: root, name (proxy or init).
*/}}
{{- define "imds-proxy.image" -}}
{{- $image := get .root.Values.images .name -}}
{{- $repository := printf "%s/%s" .root.Values.images.registry $image.name -}}
{{- $released := .root.Files.Get "files/digests.yaml" | fromYaml -}}
{{- if and $image.tag $image.digest -}}
{{- fail (printf "images.%s: tag %q and digest are both set; remove one of them" .name $image.tag) -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else if $image.tag -}}
{{- printf "%s:%s" $repository $image.tag -}}
{{- else if get $released .name -}}
{{- printf "%s@%s" $repository (get $released .name) -}}
{{- else -}}
{{- printf "%s:%s" $repository .root.Chart.AppVersion -}}
{{- end -}}
{{- end -}}

{{/* A quantity as a text: YAML reads one such as 1 as a number, and toString would write 1e+08. */}}
{{- define "imds-proxy.quantity" -}}
{{- if kindIs "string" . -}}{{ . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{/* The number that a quantity stands for. */}}
{{- define "imds-proxy.amount" -}}
{{- $text := include "imds-proxy.quantity" . -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- $sizes := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- mulf (trimSuffix $unit $text | float64) (get $sizes $unit) -}}
{{- end -}}

{{/* Resources as the API has them. */}}
{{- define "imds-proxy.resources" -}}
{{- $resources := dict -}}
{{- range $kind, $quantities := .Values.resources -}}
{{- $texts := dict -}}
{{- range $name, $quantity := $quantities -}}
{{- if not (kindIs "invalid" $quantity) -}}
{{- $_ := set $texts $name (include "imds-proxy.quantity" $quantity) -}}
{{- end -}}
{{- end -}}
{{- if $texts -}}
{{- $_ := set $resources $kind $texts -}}
{{- end -}}
{{- end -}}
{{- toJson $resources -}}
{{- end -}}

{{/* The settings of the policies, each as an expression of CEL; JSON is one. */}}
{{- define "imds-proxy.settings" -}}
{{- $env := list -}}
{{- range $name, $value := .Values.proxy.env -}}
{{- $env = append $env (dict "name" $name "value" $value) -}}
{{- end -}}
{{- $settings := dict
  "proxyImage" (include "imds-proxy.image" (dict "root" . "name" "proxy") | toJson)
  "initImage" (include "imds-proxy.image" (dict "root" . "name" "init") | toJson)
  "resources" (include "imds-proxy.resources" .)
  "pullPolicy" (toJson .Values.images.pullPolicy)
  "pullSecrets" (toJson .Values.images.pullSecrets)
  "seccompProfile" (toJson .Values.proxy.seccompProfile)
  "clientId" (toJson .Values.identity.clientId)
  "tenantId" (toJson .Values.identity.tenantId)
  "authorityHost" (toJson .Values.identity.authorityHost)
  "logLevel" (toJson .Values.proxy.logLevel)
  "passthrough" (toJson .Values.proxy.passthrough)
  "adminPort" (int .Values.proxy.adminPort | toString)
  "proxyEnv" (toJson $env)
  "caConfigMap" (toJson .Values.proxy.caConfigMap)
  "tokenProxy" (toJson .Values.identityBinding.tokenProxy)
  "tokenProxyServerName" (toJson .Values.identityBinding.serverName)
  "tokenProxyCa" (toJson .Values.identityBinding.caConfigMap)
-}}
{{- toJson $settings -}}
{{- end -}}

{{/* Which namespaces a policy applies to; empty for all. */}}
{{- define "imds-proxy.namespaceSelector" -}}
{{- $selector := deepCopy .Values.namespaces.selector -}}
{{- $expressions := $selector.matchExpressions | default list -}}
{{- $name := "kubernetes.io/metadata.name" -}}
{{- with .Values.namespaces.include -}}
{{- $expressions = append $expressions (dict "key" $name "operator" "In" "values" .) -}}
{{- end -}}
{{- with .Values.namespaces.exclude -}}
{{- $expressions = append $expressions (dict "key" $name "operator" "NotIn" "values" .) -}}
{{- end -}}
{{- if $expressions -}}
{{- $_ := set $selector "matchExpressions" $expressions -}}
{{- end -}}
{{- toJson $selector -}}
{{- end -}}

{{/*
What a selector says of the names of namespaces: `in`, `notIn`, and whether there is more to it (`labels`).
Only `in` or `labels` make it narrower than the cluster.
*/}}
{{- define "imds-proxy.scope" -}}
{{- $in := list -}}
{{- $notIn := list -}}
{{- $labels := not (empty .matchLabels) -}}
{{- range .matchExpressions -}}
{{- if and (eq .key "kubernetes.io/metadata.name") (eq .operator "In") -}}
{{- $labels = or $labels (not (empty $in)) -}}
{{- $in = .values -}}
{{- else if and (eq .key "kubernetes.io/metadata.name") (eq .operator "NotIn") -}}
{{- $notIn = concat $notIn .values -}}
{{- else -}}
{{- $labels = true -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "in" $in "notIn" $notIn "labels" $labels) -}}
{{- end -}}

{{/*
Not empty if two selectors of namespaces certainly have one in common. Labels may or may not separate them: that is left
to those who set them, unless the other selector means the whole cluster.
Arguments: the two selectors.
*/}}
{{- define "imds-proxy.overlap" -}}
{{- $a := include "imds-proxy.scope" (first .) | fromJson -}}
{{- $b := include "imds-proxy.scope" (last .) | fromJson -}}
{{- $isSeparate := false -}}
{{- range $pair := list (list $a $b) (list $b $a) -}}
{{- $one := first $pair -}}
{{- $other := last $pair -}}
{{- $left := list -}}
{{- range $one.in -}}
{{- if not (or (has . $other.notIn) (and $other.in (not (has . $other.in)))) -}}
{{- $left = append $left . -}}
{{- end -}}
{{- end -}}
{{- if and $one.in (not $left) -}}
{{- $isSeparate = true -}}
{{- end -}}
{{- end -}}
{{- $isBothNarrow := and (or $a.in $a.labels) (or $b.in $b.labels) -}}
{{- if not (or $isSeparate (and $isBothNarrow (or $a.labels $b.labels))) -}}
true
{{- end -}}
{{- end -}}

{{/* Version of the mutating kinds that this API server has; fails if it has none. */}}
{{- define "imds-proxy.mutatingVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
v1beta1
{{- else -}}
{{- fail (printf "mode: %s: this API server (Kubernetes %s) has no MutatingAdmissionPolicy; use Kubernetes 1.36 or newer, or 1.34 and 1.35 with its feature gate (docs/injection-policy.md), or set mode: none and put the proxy into manifests with proxy inject. helm template asks no API server: add --api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" .Values.mode .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}

{{/*
The policies of a file, with the settings of the values in the place of those of the file.
Arguments: root, file.
*/}}
{{- define "imds-proxy.policies" -}}
{{- $root := .root -}}
{{- $name := include "imds-proxy.name" $root -}}
{{- $settings := include "imds-proxy.settings" $root | fromJson -}}
{{- $namespaceSelector := include "imds-proxy.namespaceSelector" $root | fromJson -}}
{{- $mutatingVersion := include "imds-proxy.mutatingVersion" $root -}}
{{- range $root.Files.Get .file | fromYamlArray }}
{{- $kind := .policy.kind -}}
{{- $apiVersion := printf "admissionregistration.k8s.io/%s" (ternary $mutatingVersion "v1" (hasPrefix "Mutating" $kind)) -}}
{{- range .policy.spec.variables -}}
{{- if hasKey $settings .name -}}
{{- $_ := set . "expression" (get $settings .name) -}}
{{- end -}}
{{- end -}}
{{- $binding := set .binding "policyName" (printf "%s-%s" $name .name) -}}
{{- if $namespaceSelector -}}
{{- $_ := set $binding "matchResources" (dict "namespaceSelector" $namespaceSelector) -}}
{{- else -}}
{{- $_ := unset $binding "matchResources" -}}
{{- end -}}
{{- if and $binding.paramRef $root.Values.serviceAccounts.selector -}}
{{- $_ := set $binding.paramRef "selector" $root.Values.serviceAccounts.selector -}}
{{- end }}
---
apiVersion: {{ $apiVersion }}
kind: {{ $kind }}
metadata:
  name: {{ $name }}-{{ .name }}
  labels:
    {{- include "imds-proxy.labels" $root | nindent 4 }}
spec:
  {{- toYaml .policy.spec | nindent 2 }}
---
apiVersion: {{ $apiVersion }}
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}-{{ .name }}
  labels:
    {{- include "imds-proxy.labels" $root | nindent 4 }}
spec:
  {{- toYaml $binding | nindent 2 }}
{{- end }}
{{- end -}}
