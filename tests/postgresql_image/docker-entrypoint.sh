#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docker-entrypoint.sh COMMAND [ARGUMENT ...]
#
# The documented contract of the official PostgreSQL image, as far as README.md says; written anew.
set -euo pipefail

fail() {
    echo "Error: $1" >&2
    exit 1
}

# setting VARIABLE DEFAULT: its value, or that in the file that VARIABLE_FILE names
setting() {
    local file=$1_FILE
    if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
        fail "both $1 and $file are set (but are exclusive)"
    elif [ -n "${!file:-}" ]; then
        cat "${!file}"
    else
        printf '%s' "${!1:-$2}"
    fi
}

as_postgres() {
    HOME=/var/lib/postgresql exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

initialise() {
    local user database password method given arguments
    user=$(setting POSTGRES_USER postgres)
    database=$(setting POSTGRES_DB "$user")
    password=$(setting POSTGRES_PASSWORD '')
    given=$(setting POSTGRES_INITDB_ARGS '')
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "$password" ] && [ "$method" != trust ]; then
        fail 'Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.'
    fi
    # Quotes in it count, as on a command line.
    eval "arguments=($given)"
    if [ -n "$password" ]; then
        initdb --username="$user" --pwfile=<(printf '%s\n' "$password") "${arguments[@]}"
    else
        initdb --username="$user" "${arguments[@]}"
    fi
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

    if [ "$database" != postgres ]; then
        # By its socket alone: whoever waits for the port finds the database there.
        pg_ctl --wait --silent --options="-c listen_addresses=''" start
        createdb --no-password --username="$user" --maintenance-db=postgres -- "$database"
        pg_ctl --wait --silent --mode=fast stop
    fi
    echo 'PostgreSQL init process complete; ready for start up.'
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
case " $* " in
    # Answers, for which nothing need be there
    *' --help '* | *' -? '* | *' --version '* | *' -V '* | *' --describe-config '*) exec "$@" ;;
esac
if [ "$1" = postgres ]; then
    mkdir -p "$PGDATA"
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
        chmod 700 "$PGDATA"
        as_postgres "$0" "$@"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        initialise
    fi
fi
exec "$@"
