#!/usr/bin/env bash
# Changes rules and decisions a little at a time, and names every change that no unit test notices. Not part of CI: hours.
#   scripts/mutants.sh                              every file below
#   scripts/mutants.sh services/kit/src/paging.rs   some of them
# MUTANTS_JOBS (1) is how many changes are built at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
OUT=$ROOT/.state/mutants

# What these files say needs no server to be tested; a change that goes unnoticed is a rule that only an end-to-end test holds, or none.
PURE=(
  'services/*/src/domain/**/*.rs'
  'services/kit/src/'{money,access,validation}'/*.rs'
  'services/kit/src/'{access,paging,problem,timestamp,validation}.rs
  'services/kit/src/paging/'{cursor,listing,query}.rs
  'services/kit/src/'{client/budget,extract/objects}.rs
  'services/kit/src/auth/'{claims,identity,keys,revocations,verifier}.rs
  'operator/src/'{keys/policy,postgres/plan,messaging/plan}.rs
  'operator/src/platform/'{build,report,resolve}'/**/*.rs'
)

pure() { git ls-files -- "${PURE[@]/#/:(glob)}" | grep -Ev '/(tests?|mod)\.rs$|/tests/'; }

# summary — a line for each crate, from the lists that cargo-mutants leaves.
summary() {
  printf '\n%-22s %8s %8s %10s %12s\n' crate noticed missed 'timed out' 'not built'
  (cd "$OUT/mutants.out" && awk '
    { crate = $0; sub("/src/.*", "", crate); n[crate, FILENAME]++; crates[crate] }
    END {
      for (crate in crates)
        printf "%-22s %8d %8d %10d %12d\n", crate,
          n[crate, "caught.txt"], n[crate, "missed.txt"], n[crate, "timeout.txt"], n[crate, "unviable.txt"]
    }' caught.txt missed.txt timeout.txt unviable.txt | sort)
  printf '\nNoticed by no unit test:\n'
  cat "$OUT/mutants.out/missed.txt"
}

step 'Debian packages' debian_packages
step 'cargo-mutants' cargo_mutants
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(pure); fi
flags=()
for file in "${files[@]}"; do flags+=(--file "$file"); done
rm -rf "$OUT"
mkdir -p "$OUT"
status=0
"$BIN/cargo-mutants" mutants --no-shuffle --jobs "${MUTANTS_JOBS:-1}" --output "$OUT" "${flags[@]}" -- --lib || status=$?
# 2: changes were missed; 3: some ran for ever. Both are findings; anything else is a failure of the run.
case $status in 0 | 2 | 3) summary ;; *) exit "$status" ;; esac
