{{- /*
One document of files/permissions.yaml, for one namespace. The operator printed it for the placeholders NAMESPACE,
PLATFORM and SECRET; here they get their names.
*/}}
{{- define "shopflow-operator.permissions" -}}
{{- $object := fromYaml .document -}}
{{- $_ := set $object.metadata "namespace" .namespace.name -}}
{{- $_ := set $object.metadata "labels" (include "shopflow-operator.labels" .root | fromYaml) -}}
{{- if hasKey $object "rules" -}}
{{- $rules := list -}}
{{- range $rule := $object.rules -}}
{{- $names := list -}}
{{- if has "SECRET" $rule.resourceNames -}}
{{- $names = $.namespace.secrets -}}
{{- else if $rule.resourceNames -}}
{{- range $platform := $.namespace.platforms -}}
{{- range $rule.resourceNames -}}
{{- $names = append $names (replace "PLATFORM" $platform .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $names -}}
{{- $rules = append $rules (set $rule "resourceNames" $names) -}}
{{- else if not $rule.resourceNames -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- end -}}
{{- $_ := set $object "rules" $rules -}}
{{- end -}}
{{- range $object.subjects -}}
{{- $_ := set . "namespace" $.root.Release.Namespace -}}
{{- end -}}
{{ toYaml $object }}
{{- end }}
