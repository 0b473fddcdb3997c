#!/bin/sh
# Treats POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB as the official image's entrypoint does:
# the first start creates the cluster and the database, every start runs the server.
set -eu

user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "POSTGRES_PASSWORD is not set; set it, or the database would accept anyone" >&2
        exit 1
    fi
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb -D "$PGDATA" -U "$user" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 \
        --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C --no-instructions --no-sync
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    if [ "$database" != postgres ]; then
        printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -D "$PGDATA" postgres
    fi
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
