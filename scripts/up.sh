#!/usr/bin/env bash
# From nothing to a running platform: tools, node, images, operator, the sample platform, Ready.
# Safe to run again at any time; what did not change is not restarted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/steps.sh
. scripts/tools.sh
. scripts/ports.sh
. scripts/cluster.sh
TARGET=${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-musl/release
RENDERED=$ROOT/.state/rendered
archives=()

packages() { debian_packages && local/shopflow-node packages; }
binaries() { cargo build --release --locked --target x86_64-unknown-linux-musl -p shopflow -p shopflow-operator; }

# tag FILE — names a build by its content, so that an unchanged one is recognised and a changed one is rolled out.
tag() { sha256sum "$1" | cut -c1-12; }

images() {
  # Every build has an archive of its own; those of other days only fill the disk.
  find "$CACHE/images" -name 'shopflow-*' -mtime +1 -delete 2>/dev/null
  local/shopflow-node images >"$RENDERED/archives" &&
    local/shopflow-node image "$services" "$TARGET/shopflow" /shopflow >>"$RENDERED/archives" &&
    local/shopflow-node image "$operator" "$TARGET/shopflow-operator" /shopflow-operator >>"$RENDERED/archives"
}

# watched — the namespaces that the operator looks after: those it was given before, and this one.
watched() {
  local before
  before=$(kubectl -n shopflow-system get deployment shopflow-operator --ignore-not-found \
    -o 'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="SHOPFLOW_NAMESPACES")].value}') || return
  case ",$before," in
    *",$NAMESPACE,"*) echo "$before" ;;
    *) echo "$NAMESPACE${before:+,$before}" ;;
  esac
}

# rendered — the manifests as committed, with this build's images: kustomizations in a folder that git ignores.
rendered() {
  local namespaces
  namespaces=$(watched) || return
  mkdir -p "$RENDERED/operator" "$RENDERED/platform"
  cat >"$RENDERED/operator/kustomization.yaml" <<Y
resources: [../../../manifests/install]
images: [{name: localhost/shopflow-operator, newName: $REGISTRY/shopflow-operator, newTag: "${operator##*:}"}]
patches:
  - target: {kind: Deployment, name: shopflow-operator}
    patch: |
      - {op: test, path: /spec/template/spec/containers/0/env/0/name, value: SHOPFLOW_NAMESPACES}
      - {op: replace, path: /spec/template/spec/containers/0/env/0/value, value: "$namespaces"}
      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SHOPFLOW_IMAGE, value: "$REGISTRY/shopflow"}}
      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SHOPFLOW_VERSION, value: "${services##*:}"}}
      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SHOPFLOW_POSTGRES_IMAGE, value: "$REGISTRY/postgres:15"}}
      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: SHOPFLOW_NATS_IMAGE, value: "$REGISTRY/nats:${NATS_SERVER#v}"}}
Y
  local platform=samples
  [ "$CLUSTER" != kind ] || platform=kind
  cat >"$RENDERED/platform/kustomization.yaml" <<Y
resources: [../../../manifests/$platform]
patches:
  - target: {kind: ShopFlowPlatform}
    patch: '[{"op": "add", "path": "/spec/version", "value": "${services##*:}"}]'
Y
}

operator_installed() {
  local part
  for part in crds manifests/shop "$RENDERED/operator"; do
    kubectl apply --server-side --force-conflicts --field-manager=make-up -k "$part" || return
  done
  kubectl wait --for=condition=Established crd/shopflowplatforms.shopflow.dev --timeout=60s &&
    kubectl -n shopflow-system rollout status deployment/shopflow-operator --timeout=180s
}

platform_applied() { kubectl apply --server-side --force-conflicts --field-manager=make-up -k "$RENDERED/platform"; }

# platform_ready — waits for Ready of the newest generation, and on failure shows what the platform says.
platform_ready() {
  local generation
  generation=$(kubectl -n "$NAMESPACE" get sfp "$PLATFORM" -o 'jsonpath={.metadata.generation}') &&
    kubectl -n "$NAMESPACE" wait "sfp/$PLATFORM" --for="jsonpath={.status.observedGeneration}=$generation" --timeout=60s &&
    kubectl -n "$NAMESPACE" wait "sfp/$PLATFORM" --for=condition=Ready --timeout=300s && return
  kubectl -n "$NAMESPACE" get sfp "$PLATFORM" -o wide
  conditions "$NAMESPACE" "$PLATFORM"
  kubectl -n "$NAMESPACE" get pods
  return 1
}

# healthy — asks where a user of this kind of cluster would ask.
healthy() {
  if [ "$CLUSTER" = current ]; then
    kubectl get --raw "/api/v1/namespaces/$NAMESPACE/services/gateway:3000/proxy/health"
  else
    curl --silent --fail --max-time 2 "$URL/health"
  fi
}

gateway_answers() {
  local deadline=$((SECONDS + 30))
  until healthy >/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "nothing healthy answers on $URL/health"; return 1; }
    sleep 0.2
  done
}

# possible — what would fail after minutes of building is said at once.
possible() {
  local program
  for program in cargo rustup go; do
    command -v "$program" >/dev/null || { echo "$program is missing; install Rust by rustup (https://rustup.rs) and Go (https://go.dev/dl)"; return 1; }
  done
  [ "$CLUSTER" = local ] || return 0
  [ "$(uname -s)" = Linux ] || { echo 'the local node needs Linux; elsewhere use CLUSTER=kind'; return 1; }
  [ "$(id -u)" = 0 ] || { echo 'the local node needs root: run make up as root, or CLUSTER=kind make up'; return 1; }
  [ -e "$NODE_STATE" ] || port_free 3000
}

mkdir -p "$RENDERED"
started=$SECONDS
echo "Cluster: $CLUSTER"
step 'What this machine has' possible
step 'Debian packages' packages
step 'Rust target for static binaries' musl_target
step 'Binary of the node' local/shopflow-node build
step 'Binaries of services and operator' binaries
services=localhost/shopflow:$(tag "$TARGET/shopflow") operator=localhost/shopflow-operator:$(tag "$TARGET/shopflow-operator")
step 'Images' images
mapfile -t archives <"$RENDERED/archives"
step "Cluster ($CLUSTER)" cluster_up
step 'Images loaded' cluster_load "${archives[@]}"
step 'Manifests for these images' rendered
step 'Operator' operator_installed
step 'Platform applied' platform_applied
step 'Platform Ready' platform_ready
step 'Gateway answers' gateway_answers

cat <<Y

ShopFlow runs, after $((SECONDS - started)) s.
  URL       $URL        (API pages: $URL/docs)
  Sign-in   $(admin "$NAMESPACE" "$PLATFORM" email)  $(admin "$NAMESPACE" "$PLATFORM" password)

Try:$([ "$CLUSTER" != current ] || printf '\n  kubectl -n %s port-forward service/gateway 3000:3000 &' "$NAMESPACE")
  eval "\$(make env)"
  kubectl get shopflowplatforms -A
  curl -s $URL/api/v1/auth/login -H 'content-type: application/json' \\
    -d "{\"email\":\"\$SHOPFLOW_ADMIN_EMAIL\",\"password\":\"\$SHOPFLOW_ADMIN_PASSWORD\"}"
Y
