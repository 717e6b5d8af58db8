{{- /* Fixed, because the operator's permissions name it: one operator per namespace. */}}
{{- define "shopflow-operator.name" -}}
shopflow-operator
{{- end }}

{{- /* By these the Deployment and the Service know their pods, also those that other means of installation made. */}}
{{- define "shopflow-operator.selector" -}}
app.kubernetes.io/name: {{ include "shopflow-operator.name" . }}
{{- end }}

{{- define "shopflow-operator.labels" -}}
{{ include "shopflow-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "shopflow-operator.image" -}}
{{- with .Values.image -}}
{{- $repository := required "image.repository is empty: set it to where the operator's image was pushed, without a tag" .repository -}}
{{- if .digest -}}
{{ $repository }}@{{ .digest }}
{{- else -}}
{{ $repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* The names of the namespaces, separated by commas. */}}
{{- define "shopflow-operator.namespaces" -}}
{{- $names := list -}}
{{- range .Values.namespaces -}}
{{- if has .name $names -}}
{{- fail (printf "namespaces: %s is there twice: give one entry all of its platforms" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- join "," $names -}}
{{- end }}
