#!/usr/bin/env bash
# Stops, silences and kills what the services need, for as long as is promised, and prints what was measured. 12 minutes.
#   scripts/faults.sh           every fault
#   scripts/faults.sh silent    those whose test's name has that word
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh

step 'Debian packages' debian_packages
step 'nats-server' nats_server
export SHOPFLOW_NATS_SERVER=$BIN/nats-server
# One after another: each would be the other's load.
exec cargo test --locked -p faults --features full-length --test it -- --test-threads=1 --nocapture "$@"
