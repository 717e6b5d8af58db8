#!/usr/bin/env bash
# Writes the generated files: the resource's schema and the operator's permissions (for the manifests and for the charts),
# the services' API descriptions, the schemas of the events.
#   scripts/generate.sh          writes them
#   scripts/generate.sh --check  fails, naming the files, when one is not what would be written
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=.
if [ "${1:-}" = --check ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
fi

generated=()

# generate FILE PACKAGE ARGUMENTS… — writes what the package's program prints.
generate() {
  local file=$1 package=$2
  shift 2
  mkdir -p "$out/$(dirname "$file")"
  cargo run --quiet --locked -p "$package" -- "$@" >"$out/$file.partial"
  mv "$out/$file.partial" "$out/$file"
  generated+=("$file")
}

generate crds/shopflowplatforms.yaml shopflow-operator crds
generate manifests/shop/role.yaml shopflow-operator rbac --namespace shop --platforms shop
generate manifests/another-namespace/role.yaml shopflow-operator rbac --namespace market --platforms store
generate charts/shopflow-crds/files/shopflowplatforms.yaml shopflow-operator crds
# With placeholders, which the chart replaces by the names in its values.
generate charts/shopflow-operator/files/permissions.yaml shopflow-operator rbac --namespace NAMESPACE --platforms PLATFORM --secrets SECRET
services=$(cargo run --quiet --locked -p shopflow -- services)
for service in $services; do
  generate "services/$service/openapi.json" shopflow openapi "$service"
done
generate docs/problems.md shopflow problems
generate docs/events/README.md shopflow events
events=$(cargo run --quiet --locked -p shopflow -- events --names)
for event in $events; do
  generate "docs/events/$event.json" shopflow events "$event"
done

# Schemas of events that are no more.
gone=()
for file in docs/events/*.json; do
  case " ${generated[*]} " in *" $file "*) ;; *) gone+=("$file") ;; esac
done

if [ "$out" = . ]; then
  [ "${#gone[@]}" -eq 0 ] || rm "${gone[@]}"
  exit 0
fi
stale=(${gone[@]+"${gone[@]}"})
for file in "${generated[@]}"; do cmp -s "$file" "$out/$file" || stale+=("$file"); done
[ "${#stale[@]}" -eq 0 ] || { echo "not up to date, run make generate: ${stale[*]}" >&2; exit 1; }
