# Sourced by the other scripts: progress by step with elapsed times, and failures that name step, cause and log.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS=${SHOPFLOW_LOGS:-$ROOT/.state/logs}
mkdir -p "$LOGS"

# step NAME COMMAND… — runs a command with its output in a log file.
step() {
  local name=$1 log started status=0
  shift
  log=$LOGS/$(tr -cs 'a-zA-Z0-9' '-' <<<"$name" | sed 's/^-//; s/-$//').log
  started=$SECONDS
  printf '%-52s ' "$name …"
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    printf 'failed after %d s\n' $((SECONDS - started))
    fail "step '$name' failed (exit $status)" "$log"
  fi
  printf 'ok  %3d s\n' $((SECONDS - started))
}

# fail MESSAGE LOG — says what failed, the end of its log, and where the whole log is.
fail() {
  printf '\n%s. Last lines of its log:\n' "$1" >&2
  tail -n 20 "$2" | sed 's/^/  | /' >&2
  printf 'Whole log: %s\n' "$2" >&2
  exit 1
}
