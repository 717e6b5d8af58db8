#!/usr/bin/env bash
# Ends the cluster and leaves no process, mount, network link or file of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
step "Cluster ($CLUSTER) down" cluster_down
rm -rf "$ROOT/.state/rendered"
