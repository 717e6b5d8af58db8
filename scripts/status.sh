#!/usr/bin/env bash
# What runs, and what the platforms say of themselves; `status.sh logs` shows the operator's and services' last log lines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
cluster_answers
if [ "${1:-}" = logs ]; then
  kubectl -n shopflow-system logs deployment/shopflow-operator --tail=50 --prefix
  kubectl -n "$NAMESPACE" logs --selector="app.kubernetes.io/name=shopflow,app.kubernetes.io/instance=$PLATFORM" --all-containers --tail=50 --prefix --max-log-requests=50
  exit
fi
kubectl get shopflowplatforms --all-namespaces -o wide
conditions
kubectl -n "$NAMESPACE" get pods -o wide
