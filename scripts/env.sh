#!/usr/bin/env bash
# Prints export lines for a running platform: eval "$(make env)". PLATFORM=namespace/name chooses one; without it, it is
# the one of `make up`, or the only one there is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wanted=${PLATFORM:-}
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
cluster_answers

# Standard output is evaluated; what is for people goes to the other one.
say() { printf '%s\n' "$*" >&2; }

mapfile -t all < <(platforms)
if [ -z "$wanted" ]; then
  wanted=$NAMESPACE/$PLATFORM
  case " ${all[*]} " in
    *" $wanted "*) ;;
    *) [ "${#all[@]}" -ne 1 ] || wanted=${all[0]} ;;
  esac
fi
for each in ${all[@]+"${all[@]}"}; do
  [ "$each" = "$wanted" ] || say "another platform: eval \"\$(PLATFORM=$each make env)\""
done

namespace=${wanted%%/*} name=${wanted#*/}
if ! { email=$(admin "$namespace" "$name" email) && password=$(admin "$namespace" "$name" password) && url=$(gateway_url "$namespace"); }; then
  say "the platform $wanted is not there or has no first admin yet: run make up, or see make status"
  exit 1
fi
if [ "$CLUSTER" = current ] || { [ "$CLUSTER" = kind ] && [ "$namespace" != "$NAMESPACE" ]; }; then
  say "to reach it: kubectl -n $namespace port-forward service/gateway ${url##*:}:3000"
fi
printf 'export %s=%q\n' KUBECONFIG "$KUBECONFIG" PATH "$PATH" SHOPFLOW_URL "$url" \
  SHOPFLOW_ADMIN_EMAIL "$email" SHOPFLOW_ADMIN_PASSWORD "$password"
