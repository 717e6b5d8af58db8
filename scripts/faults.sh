#!/usr/bin/env bash
# Stops, silences and kills what the services need, for as long as is promised, and prints what was measured. 12 minutes.
#   scripts/faults.sh           every fault
#   scripts/faults.sh silent    those whose test's name has that word
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh

TARGET=x86_64-unknown-linux-musl
RELEASE=$(realpath -m "${CARGO_TARGET_DIR:-target}")/$TARGET/release

# With the selection of `make up`, whose dependencies it then shares.
replica() {
  cargo build --release --locked --target "$TARGET" -p shopflow -p shopflow-operator -p faults --bin replica
}

step 'Debian packages' debian_packages
step 'nats-server' nats_server
step 'Rust target for static binaries' musl_target
step 'Replica, built as the images are' replica
export SHOPFLOW_NATS_SERVER=$BIN/nats-server SHOPFLOW_REPLICA=$RELEASE/replica
tests() { cargo test --quiet --locked -p faults --features full-length --test it -- --test-threads=1 --nocapture "$@"; }
tests --list "$@" | grep ': test$' || { echo "no test has '$*' in its name; all: $(tests --list | tr '\n' ' ')" >&2; exit 2; }
# One after another: each would be the other's load.
tests "$@"
