#!/usr/bin/env bash
# Measures ShopFlow against the same services written with other stacks, and two builds of ShopFlow against each other.
#   scripts/bench.sh                   everything; also draws docs/benchmarks.svg
#   scripts/bench.sh orders gateway    some of: orders lists validate sign-in gateway backlog idle slow-clients
# How long:  BENCH_ROUNDS (3), BENCH_SECONDS (15); BENCH_QUICK=1 is one round of 5 s.
# Against:   BENCH_PEERS ("go fastify express-prisma"; there are also go-batched and go-hs256); empty for none.
# Builds:    SHOPFLOW_BINARY in place of this checkout's, and SHOPFLOW_BINARY_B to compare it with; each with the operator
#            that writes its configuration: SHOPFLOW_OPERATOR, SHOPFLOW_OPERATOR_B (this checkout's when not given).
# Busy here: BENCH_PATIENCE (such as 10m) waits before each turn until other work ends; BENCH_PRIORITY=1 (as root) takes
#            precedence over it, for everything that is measured alike.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
OUT=$ROOT/.state/bench
PROGRAMS=$OUT/programs
TARGET=${CARGO_TARGET_DIR:-target}
MUSL=x86_64-unknown-linux-musl
PEERS=${BENCH_PEERS-go fastify express-prisma}
command="${BENCH_QUICK:+BENCH_QUICK=1 }${BENCH_PRIORITY:+BENCH_PRIORITY=1 }scripts/bench.sh${*:+ $*}"

services() { cargo build --release --locked --target "$MUSL" -p shopflow; }
operator() { cargo build --locked -p shopflow-operator; }
go_program() { (cd "$1" && CGO_ENABLED=0 go build -trimpath -o "$PROGRAMS/$2" .); }

# node_peer NAME — its sources beside its packages, in a folder named by both.
node_peer() {
  local source=tests/load/peers/$1 folder=$PROGRAMS/$1
  mkdir -p "$folder"
  cp "$source"/* "$folder"/
  cmp -s "$source/package-lock.json" "$folder/installed" && return
  # No scripts of packages run, so none fetches a binary; what Prisma generates needs none of its engines.
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund)
  if [ -f "$folder/schema.prisma" ]; then
    (cd "$folder" && PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 npx prisma generate --schema schema.prisma)
  fi
  cp "$source/package-lock.json" "$folder/installed"
}

# prioritise — a control group with twenty times the usual weight. Not `nice`: the kernel may weigh sessions, and each of
# PostgreSQL's processes has one of its own, so that PostgreSQL alone would be left behind.
prioritise() {
  local root=/sys/fs/cgroup/cpu weight=cpu.shares value=20480 before
  before=$root$(sed -nE 's/^[0-9]+:(cpu|cpu,cpuacct|cpuacct,cpu)://p' /proc/$$/cgroup)
  if [ ! -e "$root/$weight" ]; then
    root=/sys/fs/cgroup weight=cpu.weight value=2000
    before=$root$(sed -n 's/^0:://p' /proc/$$/cgroup)
  fi
  GROUP=$root/shopflow-bench BEFORE=$before
  mkdir -p "$GROUP"
  trap leave EXIT
  echo "$value" >"$GROUP/$weight"
  echo $$ >"$GROUP/cgroup.procs"
}

# leave — the group goes when the last process has left it.
leave() {
  echo $$ >"$BEFORE/cgroup.procs"
  for _ in {1..50}; do
    if rmdir "$GROUP" 2>/dev/null; then return; fi
    sleep 0.1
  done
}

flags=(-out "$OUT" -nats "$BIN/nats-server" -command "$command" -commit "$(git rev-parse --short HEAD)")
mkdir -p "$PROGRAMS"
step 'Debian packages' debian_packages
step 'nats-server' nats_server
if [ -z "${SHOPFLOW_BINARY:-}" ]; then
  step 'Rust target for static binaries' musl_target
  step 'Services, as they are shipped' services
  SHOPFLOW_BINARY=$TARGET/$MUSL/release/shopflow
fi
if [ -z "${SHOPFLOW_OPERATOR:-}" ] || { [ -n "${SHOPFLOW_BINARY_B:-}" ] && [ -z "${SHOPFLOW_OPERATOR_B:-}" ]; }; then
  step 'Operator, for provisioning' operator
fi
step 'Load generator' go_program tests/load load
flags+=(-shopflow "$(realpath "$SHOPFLOW_BINARY")" -operator "$(realpath "${SHOPFLOW_OPERATOR:-$TARGET/debug/shopflow-operator}")")
if [ -n "${SHOPFLOW_BINARY_B:-}" ]; then
  flags+=(-shopflow-b "$(realpath "$SHOPFLOW_BINARY_B")")
  flags+=(-operator-b "$(realpath "${SHOPFLOW_OPERATOR_B:-$TARGET/debug/shopflow-operator}")")
fi
for peer in $PEERS; do
  case $peer in
    go | go-batched | go-hs256)
      step 'Peer: Go' go_program tests/load/peers/go go
      variant=
      [ "$peer" != go-batched ] || variant='BATCHED=1 '
      [ "$peer" != go-hs256 ] || variant="SHARED_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') "
      flags+=(-peer "$peer=$variant$PROGRAMS/go")
      ;;
    fastify | express-prisma)
      step 'Node' node_js
      step "Peer: $peer" node_peer "$peer"
      flags+=(-peer "$peer=node $PROGRAMS/$peer/server.js")
      ;;
    *) echo "there is no peer $peer" >&2; exit 2 ;;
  esac
done
postgres=(/usr/lib/postgresql/*/bin)
flags+=(-postgres "${postgres[-1]}" -patience "${BENCH_PATIENCE:-0s}")
if [ -n "${BENCH_QUICK:-}" ]; then
  flags+=(-rounds 1 -seconds 5 -warmup 2)
else
  flags+=(-rounds "${BENCH_ROUNDS:-3}" -seconds "${BENCH_SECONDS:-15}")
fi
ulimit -n "$(ulimit -Hn)"
[ -z "${BENCH_PRIORITY:-}" ] || prioritise
printf '\n'
"$PROGRAMS/load" run "${flags[@]}" "$@"
if [ $# -eq 0 ] && [ -z "${BENCH_QUICK:-}" ]; then
  "$PROGRAMS/load" chart "$OUT/latest.json" >docs/benchmarks.svg
fi
