#!/usr/bin/env bash
# Everything that is checked without running the product: format, lints, licences, scripts, generated files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh

scripts() { mapfile -t files < <(git ls-files '*.sh' .ci/run) && shellcheck -x -P SCRIPTDIR "${files[@]}"; }
# Without telemetry, and without asking whether there is a newer version.
descriptions() {
  REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
    "$CACHE/redocly/node_modules/.bin/redocly" lint --config redocly.yaml services/*/openapi.json
}
go_format() { gofmt -l local tests/load charts/test | awk '{ print "gofmt wants to change " $0 } END { exit NR > 0 }'; }
# Every dependency of the workspace is explained where people look for it.
dependencies() {
  awk '
    FNR == NR { explained = explained " " $0; next }
    /^\[/ { listed = /^\[workspace.dependencies\]$/; next }
    listed && /^[a-z]/ && !/path = / && explained !~ "[^A-Za-z0-9_-]" $1 "[^A-Za-z0-9_-]" {
      print $1 " is not in docs/dependencies.md: say what it serves, and what was not taken"
      missing = 1
    }
    END { exit missing }' docs/dependencies.md Cargo.toml
}
# Without its image: that a chart asks for it is tested, and no fault.
charts() {
  local chart
  for chart in charts/shopflow-*; do "$BIN/helm" lint --strict --quiet "$chart" || return; done
}

step 'Debian packages' debian_packages
step 'cargo-deny' cargo_deny
step 'Rust format' cargo fmt --all --check
step 'Rust lints, warnings denied' cargo clippy --workspace --all-targets --all-features -- -D warnings
step 'Licences, sources, banned crates' "$BIN/cargo-deny" check bans licenses sources
step 'Dependencies are explained' dependencies
step 'Shell scripts' scripts
step 'Go format' go_format
step 'Generated files are up to date' scripts/generate.sh --check
step 'Helm' helm
step 'Charts' charts
step 'Redocly' redocly
step 'Descriptions of the API' descriptions
