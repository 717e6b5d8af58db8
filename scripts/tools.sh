# Sourced by the other scripts: programs that come from package registries, by name and pinned version.
# shellcheck shell=bash

CACHE=${SHOPFLOW_CACHE:-$HOME/.cache/shopflow}
BIN=$CACHE/bin
CARGO_DENY=0.20.2
CARGO_MUTANTS=27.1.0
NATS_SERVER=v2.15.2
MAILDEV=2.2.1
REDOCLY=2.77.0
HELM=v4.3.1
# Builds (the C parts of TLS, for glibc and musl), tests and development without a cluster, lint of the scripts.
DEBIAN_PACKAGES=(gcc musl-tools postgresql-15 curl shellcheck)

# debian_packages — installs what is missing, and nothing when all is there.
debian_packages() {
  local missing=() package
  for package in "${DEBIAN_PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  install_debian "${missing[@]}"
}

install_debian() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "Debian packages are missing: $*. Run: sudo apt-get install $*" >&2
    return 1
  fi
  # No services: PostgreSQL and containerd are started by us, in folders of our own.
  apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "$@"
}

# musl_target — the Rust target of the static binaries.
musl_target() { rustup target add x86_64-unknown-linux-musl; }

# nats_server — the broker that tests and development run.
nats_server() {
  local program=$BIN/nats-server
  [ "$("$program" --version 2>/dev/null)" = "nats-server: $NATS_SERVER" ] && return
  CGO_ENABLED=0 GOBIN=$BIN go install "github.com/nats-io/nats-server/v2@$NATS_SERVER"
}

# helm — installs charts; the one that tests them.
helm() {
  local program=$BIN/helm
  [ "$("$program" version --template '{{.Version}}' 2>/dev/null)" = "$HELM" ] && return
  CGO_ENABLED=0 GOBIN=$BIN go install -ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=$HELM" "helm.sh/helm/v4/cmd/helm@$HELM"
}

# cargo_deny — checks licences, sources and banned crates.
cargo_deny() {
  [ "$("$BIN/cargo-deny" --version 2>/dev/null)" = "cargo-deny $CARGO_DENY" ] && return
  cargo install cargo-deny --locked --version "$CARGO_DENY" --root "$CACHE"
}

# cargo_mutants — changes the code a little at a time, to see whether a test notices.
cargo_mutants() {
  [ "$("$BIN/cargo-mutants" --version 2>/dev/null)" = "cargo-mutants $CARGO_MUTANTS" ] && return
  cargo install cargo-mutants --locked --version "$CARGO_MUTANTS" --root "$CACHE"
}

# node_js — Node and npm, from Debian where there are none.
node_js() {
  command -v node >/dev/null && command -v npm >/dev/null && return
  install_debian nodejs npm
}

# npm_program FOLDER PACKAGE VERSION — installs a program from npm.
npm_program() {
  local folder=$CACHE/$1 package=$2 version=$3 installed
  node_js || return
  installed=$(node -p "require('$folder/node_modules/$package/package.json').version" 2>/dev/null || true)
  [ "$installed" = "$version" ] && return
  npm install --no-audit --no-fund --prefix "$folder" "$package@$version"
}

# maildev — the SMTP server of the end-to-end tests.
maildev() { npm_program maildev maildev "$MAILDEV"; }

# redocly — checks descriptions of APIs. Needs Node 20.19 or later.
redocly() { npm_program redocly @redocly/cli "$REDOCLY"; }
