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

{{/* Resources as the API has them: YAML reads a quantity such as 1 as a number. */}}
{{- define "imds-proxy.resources" -}}
{{- $resources := dict -}}
{{- range $kind, $quantities := .Values.resources -}}
{{- $texts := dict -}}
{{- range $name, $quantity := $quantities -}}
{{- if not (kindIs "invalid" $quantity) -}}
{{- $_ := set $texts $name (toString $quantity) -}}
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
