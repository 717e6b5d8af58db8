#!/bin/sh
# Starts PostgreSQL, making its data folder at the first start. Takes the variables that PostgreSQL images commonly take:
# POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA.
# Runs as any user that may write PGDATA and /var/run/postgresql; the rest of the file system may be read-only.
set -eu

case ${1:-postgres} in
-*) set -- postgres "$@" ;;
esac
[ "$1" = postgres ] || exec "$@"

user=${POSTGRES_USER:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  password=${POSTGRES_PASSWORD:-}
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(cat "$POSTGRES_PASSWORD_FILE")
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$password" ] && [ "$method" != trust ]; then
    echo "set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE (or POSTGRES_HOST_AUTH_METHOD=trust, to let anyone in)" >&2
    exit 1
  fi
  # The data appears under its name only when it is complete: a pod killed during initdb starts anew, not on half a folder.
  mkdir -p "$PGDATA"
  fresh=$PGDATA/.initdb
  rm -rf "$fresh"
  umask 077
  secret=$(mktemp)
  printf '%s\n' "$password" >"$secret"
  # shellcheck disable=SC2086 # the arguments are words
  initdb --username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host="$method" \
    ${password:+--pwfile="$secret"} ${POSTGRES_INITDB_ARGS:-} "$fresh"
  rm -f "$secret"
  printf 'host all all all %s\n' "$method" >>"$fresh/pg_hba.conf"
  database=${POSTGRES_DB:-$user}
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \"$database\";" | postgres --single -j -D "$fresh" postgres >/dev/null
  fi
  # PG_VERSION is moved last: it is what says that the folder is complete.
  for entry in "$fresh"/* ; do
    [ "$entry" = "$fresh/PG_VERSION" ] || { rm -rf "${PGDATA:?}/${entry##*/}"; mv "$entry" "$PGDATA/"; }
  done
  mv "$fresh/PG_VERSION" "$PGDATA/"
  rmdir "$fresh"
fi
[ "$(stat -c %u "$PGDATA")" != "$(id -u)" ] || chmod 0700 "$PGDATA"
shift
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
