#!/usr/bin/env bash
# Runs test suites and closes with the totals of all their runners.
#   scripts/test.sh fast        what needs no cluster
#   scripts/test.sh all         everything
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. scripts/steps.sh
. scripts/tools.sh
. scripts/cluster.sh
TEST_STATE=/var/lib/shopflow-local-e2e
SHIPPED=$(realpath -m "${CARGO_TARGET_DIR:-target}")/x86_64-unknown-linux-musl/release/shopflow
passed=0 failed=0 ignored=0 broken=()

# suite NAME COMMAND… — shows the output, keeps it, and counts the runners' closing lines in it.
suite() {
  local name=$1 log=$LOGS/test-$1.log started=$SECONDS status p f i
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  p=$(count passed "$log") f=$(count failed "$log") i=$(count ignored "$log")
  passed=$((passed + p)) failed=$((failed + f)) ignored=$((ignored + i))
  if [ "$status" -ne 0 ]; then broken+=("$name (exit $status, log: $log)"); fi
  if [ "$status" -eq 0 ] && [ "$p" -eq 0 ]; then broken+=("$name (no test ran, log: $log)"); fi
  printf '== %s: %d passed, %d failed, %d s\n' "$name" "$p" "$f" $((SECONDS - started))
}

# count WORD LOG — adds up the numbers before WORD in cargo's `test result:` lines and Go's `--- PASS` lines.
count() {
  local word=$1 log=$2 go=
  case $word in
    passed) go='^ *--- PASS' ;;
    failed) go='^ *--- FAIL' ;;
    ignored) go='^ *--- SKIP' ;;
  esac
  awk -v word="$word" -v go="$go" '
    /^test result:/ { for (i = 2; i <= NF; i++) if ($i == word ";" || $i == word) n += $(i - 1) }
    $0 ~ go { n++ }
    END { print n + 0 }' "$log"
}

# Tests mostly wait for servers, so more of them run at once than there are cores.
rust() { RUST_TEST_THREADS=$((2 * $(nproc))) cargo test --locked --workspace --no-fail-fast; }
go_tests() { (cd local && go test -v ./image/... ./node/...) && (cd tests/load && go test -v ./...); }
node() { (cd local && go test -tags node -count 1 -v -timeout 9m ./test); }
e2e() { cargo test --locked -p e2e --features cluster -- --test-threads=1; }
charts() { (cd charts/test && go test -count 1 -v ./...); }
# The same tests as in `rust`, of the program that the images hold.
shipped() { SHOPFLOW_BINARY=$SHIPPED cargo test --locked -p shopflow --test it process::; }

# end_to_end — in a cluster that `make up` brings up. Where that is the local node, it is a node of the tests' own.
end_to_end() {
  if scripts/up.sh && eval "$(scripts/env.sh)"; then
    export SHOPFLOW_E2E_HOST_IP SHOPFLOW_E2E_MAILDEV SHOPFLOW_E2E_HELM=$BIN/helm
    SHOPFLOW_E2E_HOST_IP=$(ip -4 -o route get "$(kubectl get node -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')" | sed 's/.* src \([0-9.]*\).*/\1/')
    SHOPFLOW_E2E_MAILDEV=$CACHE/maildev/node_modules/.bin/maildev
    suite shipped shipped
    suite e2e e2e
  else
    broken+=("e2e (no platform came up, see above)")
  fi
  [ "$CLUSTER" != local ] || clean_node
}

# clean_node — removes the tests' node, also what a killed run left of it.
clean_node() {
  local log=$LOGS/test-node-down.log
  SHOPFLOW_STATE=$TEST_STATE local/shopflow-node down >"$log" 2>&1 || broken+=("e2e (the node does not go down, log: $log)")
}

# The tests need the place of a node that runs here; it is paused meanwhile, with all its data.
pause_node() { local/shopflow-node down --keep-data; }
resume_node() { step 'Your node runs again' local/shopflow-node up; }

case ${1:-} in
  fast | all) ;;
  *) sed -n '2,4p' "$0"; exit 2 ;;
esac
step 'Debian packages' debian_packages
step 'nats-server' nats_server
step 'Helm' helm
step 'Binary of the node' local/shopflow-node build
export SHOPFLOW_NATS_SERVER=$BIN/nats-server SHOPFLOW_NODE_BINARY=$BIN/shopflow-node
suite rust rust
suite go go_tests
suite charts charts
if [ "$1" = all ]; then
  step 'Mail catcher' maildev
  if local/shopflow-node status >/dev/null 2>&1; then
    step 'Your node pauses for the tests' pause_node
    trap resume_node EXIT
  fi
  clean_node
  suite node node
  SHOPFLOW_STATE=$TEST_STATE end_to_end
fi

printf '\n'
for each in ${broken[@]+"${broken[@]}"}; do printf 'broken: %s\n' "$each"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$ignored"
[ "${#broken[@]}" -eq 0 ]
