#!/usr/bin/env bash
# What runs, and what every platform says of itself; `status.sh logs` shows the operator's and all services' last log lines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
cluster_answers
mapfile -t all < <(platforms)

if [ "${1:-}" = logs ]; then
  kubectl -n shopflow-system logs deployment/shopflow-operator --tail=50 --prefix
  for each in ${all[@]+"${all[@]}"}; do
    printf '\n== %s\n' "$each"
    kubectl -n "${each%%/*}" logs --selector="app.kubernetes.io/name=shopflow,app.kubernetes.io/instance=${each#*/}" --all-containers --tail=50 --prefix --max-log-requests=50
  done
  exit
fi

kubectl get shopflowplatforms --all-namespaces -o wide
for each in ${all[@]+"${all[@]}"}; do
  printf '\n== %s\n' "$each"
  said=$(conditions "${each%%/*}" "${each#*/}")
  echo "${said:-no status: the operator does not look after this namespace, see docs/operating/namespaces.md}"
  kubectl -n "${each%%/*}" get pods -o wide
done
