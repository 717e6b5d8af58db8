#!/usr/bin/env bash
# The whole platform in one process, with a real PostgreSQL and nats-server; Ctrl-C ends all of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/ports.sh
# What would fail after minutes of compiling is said at once.
case " $* " in *' --any-port '*) ;; *) port_free 3000 ;; esac
step 'Debian packages' debian_packages
step 'nats-server' nats_server
step 'Binary' cargo build --locked -p dev
SHOPFLOW_NATS_SERVER=$BIN/nats-server exec cargo run --locked --quiet -p dev -- "$@"
