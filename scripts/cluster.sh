# Sourced by the other scripts: which cluster `make` works with, and how images reach it.
#   CLUSTER=local    the node in local/, on this machine
#   CLUSTER=kind     kind, in Docker
#   CLUSTER=current  whatever kubectl points at; images go to the registry SHOPFLOW_REGISTRY, which that cluster pulls from
# The default is kind when a Docker engine answers, else local.
# shellcheck shell=bash

CLUSTER=${CLUSTER:-$(docker info >/dev/null 2>&1 && echo kind || echo local)}
# The platform of `make up`, and where it is reached.
NAMESPACE=shop
# shellcheck disable=SC2034  # Used by the scripts that source this one.
PLATFORM=shop
URL=http://localhost:3000
NODE_STATE=${SHOPFLOW_STATE:-/var/lib/shopflow-local}
KIND_KUBECONFIG=$ROOT/.state/kind.kubeconfig
# Where images are named to be; those of local and kind are loaded and never pulled.
REGISTRY=localhost

case $CLUSTER in
  local)
    KUBECONFIG=$NODE_STATE/kubeconfig
    PATH=$BIN:$PATH
    ;;
  kind) KUBECONFIG=$KIND_KUBECONFIG ;;
  current)
    KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}
    REGISTRY=${SHOPFLOW_REGISTRY:-}
    ;;
  *)
    echo "CLUSTER is '$CLUSTER'; choose local, kind or current" >&2
    exit 2
    ;;
esac
export KUBECONFIG PATH

# needs PROGRAM HINT — fails with the hint when the program is missing.
needs() { command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; return 1; }; }

cluster_up() {
  case $CLUSTER in
    local) local/shopflow-node up ;;
    kind)
      needs kind 'https://kind.sigs.k8s.io' && needs kubectl 'https://kubernetes.io/docs/tasks/tools' || return
      kind get clusters 2>/dev/null | grep -qx shopflow ||
        kind create cluster --name shopflow --config kind-config.yaml --kubeconfig "$KIND_KUBECONFIG" --wait 120s
      ;;
    current)
      [ -n "$REGISTRY" ] || { echo 'set SHOPFLOW_REGISTRY to a registry that you may push to and this cluster pulls from, such as registry.example.com/shop' >&2; return 1; }
      needs kubectl 'https://kubernetes.io/docs/tasks/tools' && needs skopeo 'apt-get install skopeo' && kubectl version
      ;;
  esac
}

# cluster_load ARCHIVE… — loads image archives, those the nodes lack; or pushes them.
cluster_load() {
  case $CLUSTER in
    local) local/shopflow-node load "$@" ;;
    kind) kind load image-archive --name shopflow "$@" ;;
    current)
      local archive name
      for archive in "$@"; do
        name=$(tar -xOf "$archive" index.json | sed -n 's/.*"io.containerd.image.name":"localhost\/\([^"]*\)".*/\1/p')
        skopeo copy --all "oci-archive:$archive" "docker://$REGISTRY/$name" || return
      done
      ;;
  esac
}

cluster_down() {
  case $CLUSTER in
    local) local/shopflow-node down ;;
    kind) kind delete cluster --name shopflow --kubeconfig "$KIND_KUBECONFIG" ;;
    current) kubectl delete --ignore-not-found --wait -k manifests/samples && kubectl delete --ignore-not-found -k manifests/install &&
      kubectl delete --ignore-not-found -k manifests/shop && kubectl delete --ignore-not-found -k crds ;;
  esac
}

# cluster_answers — fails with what to do when there is none.
cluster_answers() { kubectl version >/dev/null 2>&1 || { echo "no cluster answers (CLUSTER=$CLUSTER): run make up" >&2; return 1; }; }

# platforms — every platform, as NAMESPACE/NAME, a line each.
platforms() { kubectl get shopflowplatforms --all-namespaces -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}'; }

# conditions NAMESPACE NAME — what a platform says of itself, a line each.
conditions() {
  kubectl -n "$1" get sfp "$2" -o 'jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
}

# admin NAMESPACE NAME KEY — a value of the Secret of a platform's first admin.
admin() { kubectl -n "$1" get secret "$2-admin" -o "go-template={{index .data \"$3\" | base64decode}}"; }

# gateway_url NAMESPACE — where this machine reaches the gateway of the platform there.
gateway_url() {
  if [ "$CLUSTER" = local ] && [ "$1" != "$NAMESPACE" ]; then
    kubectl -n "$1" get service gateway -o 'jsonpath=http://{.spec.clusterIP}:{.spec.ports[0].port}'
  else
    echo "$URL"
  fi
}
