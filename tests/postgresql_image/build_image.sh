#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build_image.sh NAME
#
# Makes NAME, an image of PostgreSQL, in the engine that `docker` reaches. The base is built once and kept; only the
# entrypoint is laid on top of it each time.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 NAME" >&2
    exit 2
fi
name=$1
version=17

folder=$(cd "$(dirname "$0")" && pwd)
# Account and cluster are settled before the packages would settle them: the official image's number owns the data, and
# each container makes a cluster of its own. The hooks' $1 is the new root directory.
# LLVM is only for JIT, which the server does without when the library is missing; it is a third of the size.
# shellcheck disable=SC2016
base=$(sh "$folder/../mai_standin/base_image.sh" trixie "postgresql-$version" \
    --essential-hook='echo "postgres:*:999:999::/var/lib/postgresql:/bin/bash" >> "$1/etc/passwd"' \
    --essential-hook='echo "postgres:x:999:" >> "$1/etc/group"' \
    --essential-hook='mkdir "$1/etc/postgresql-common"' \
    --essential-hook='echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
    --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit.so' \
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="echo \"listen_addresses = '*'\" >> \"\$1/usr/share/postgresql/$version/postgresql.conf.sample\"" \
    --customize-hook='install -d -o 999 -g 999 -m 1777 "$1/var/lib/postgresql/data"')

work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || docker rm "$container" > /dev/null' EXIT
install -m 755 "$folder/docker-entrypoint.sh" "$work"
# mmdebstrap leaves /run empty. Like the official one, it lets any user start the server.
container=$(docker create "$base" install -d -o postgres -g postgres -m 3777 /run/postgresql)
docker cp --quiet "$work/docker-entrypoint.sh" "$container:/usr/local/bin/docker-entrypoint.sh"
docker start --attach "$container"
docker commit \
    --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/$version/bin" \
    --change "ENV PG_MAJOR=$version" \
    --change 'ENV PGDATA=/var/lib/postgresql/data' \
    --change 'ENV LANG=C.UTF-8' \
    --change 'VOLUME /var/lib/postgresql/data' \
    --change 'EXPOSE 5432' \
    --change 'STOPSIGNAL SIGINT' \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
    --change 'CMD ["postgres"]' \
    "$container" "$name" > /dev/null
