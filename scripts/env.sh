#!/usr/bin/env bash
# Prints export lines for a running platform: eval "$(make env)".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
cluster_answers
if ! { email=$(admin email) && password=$(admin password); }; then
  echo "the platform $NAMESPACE/$PLATFORM is not there or has no first admin yet: run make up, or see make status" >&2
  exit 1
fi
printf 'export %s=%q\n' KUBECONFIG "$KUBECONFIG" PATH "$PATH" SHOPFLOW_URL "$URL" \
  SHOPFLOW_ADMIN_EMAIL "$email" SHOPFLOW_ADMIN_PASSWORD "$password"
