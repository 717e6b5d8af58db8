# Sourced by the other scripts: whether the port that ShopFlow is reached at is free.
# shellcheck shell=bash

# port_free PORT — fails, saying what to do, when something on this machine listens there.
port_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
  echo "port $1 is taken on this machine: run make down if that is the cluster of make up, Ctrl-C if it is make dev;" >&2
  echo "ss -tlnp 'sport = :$1' names any other program" >&2
  return 1
}
