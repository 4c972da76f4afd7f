{{/* Labels of every object; argument: (dict "root" $ "component" "operator"). The chart's own win over the user's. */}}
{{- define "weft.labels" -}}
{{- $own := include "weft.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "weft" -}}
{{- $_ := set $own "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- mergeOverwrite (dict) .root.Values.commonLabels (.extra | default dict) $own | toYaml -}}
{{- end }}

{{/* Labels that select a component's pods: they never change, so that a Deployment can be upgraded. */}}
{{- define "weft.selector" -}}
app.kubernetes.io/name: weft
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* metadata of a namespaced object; argument: (dict "root" $ "component" "operator" "name" "weft-operator") */}}
{{- define "weft.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
{{ include "weft.metadata.rest" . }}
{{- end }}

{{/* metadata of a cluster-wide object */}}
{{- define "weft.metadata.cluster" -}}
name: {{ .name }}
{{ include "weft.metadata.rest" . }}
{{- end }}

{{- define "weft.metadata.rest" -}}
labels:
  {{- include "weft.labels" . | nindent 2 }}
{{- with mergeOverwrite (dict) .root.Values.commonAnnotations (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "weft.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Pod Security "restricted", https://kubernetes.io/docs/concepts/security/pod-security-standards/ */}}
{{- define "weft.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 15015
runAsGroup: 15015
fsGroup: 15015
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "weft.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Namespaces that are never touched, as a list of strings */}}
{{- define "weft.excludedNamespaces" -}}
{{- concat (list "kube-system" "kube-node-lease" .Release.Namespace) .Values.injector.excludedNamespaces | uniq | toYaml -}}
{{- end }}

{{/* A preStop may sleep from Kubernetes 1.30 on; before, the API server drops the action and refuses the empty hook */}}
{{- define "weft.hasSleepingHooks" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end }}

{{/* ValidatingAdmissionPolicy is v1 from Kubernetes 1.30 */}}
{{- define "weft.hasAdmissionPolicies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end }}

{{/* What the two Deployments say alike about their pods; argument: (dict "root" $ "component" "operator" "values" .Values.operator) */}}
{{- define "weft.podTemplateMetadata" -}}
labels:
  {{- $extra := mergeOverwrite (dict) .values.podLabels (dict "weft.dev/inject" "disabled") }}
  {{- include "weft.labels" (dict "root" .root "component" .component "extra" $extra) | nindent 2 }}
{{- with mergeOverwrite (dict) .root.Values.commonAnnotations .values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "weft.podPlacement" -}}
nodeSelector:
  {{- toYaml .values.nodeSelector | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "weft.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
  {{- end }}
{{- end }}
