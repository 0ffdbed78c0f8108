#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build_image.sh NAME [VARIABLE=VALUE ...]
#
# Makes the stand-in's image NAME in the engine that `docker` reaches, with those variables (STANDIN_...) set in it.
# Nothing is pulled: the base comes from Debian's archive, by the mirror that apt uses here. It is built once and kept;
# the code is laid on top of it each time.
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 NAME [VARIABLE=VALUE ...]" >&2
    exit 2
fi
name=$1
shift

folder=$(cd "$(dirname "$0")" && pwd)
# curl is in the vendor's image too: health checks use it.
packages=ca-certificates,curl,python3,python3-bcrypt,python3-httpx,python3-jwt,python3-psycopg,python3-starlette,python3-uvicorn,python3-websockets
base=mai-standin-base:$(printf %s "trixie $packages" | sha256sum | cut -c1-12)

work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || docker rm "$container" > /dev/null' EXIT

if ! docker image inspect "$base" > /dev/null 2>&1; then
    (
        cd "$folder/../.."
        python3 -c 'from tests.hosts import apt; print(apt.sources("trixie"), end="")' > "$work/sources.list"
        python3 -c 'from tests.hosts import apt; print(apt.configuration(), end="")' > "$work/apt.conf"
    )
    # A file in between, so that a failed bootstrap never becomes an image.
    mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$work/apt.conf" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --customize-hook='rm -rf "$1"/etc/apt/sources.list* "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/var/lib/apt/lists/*' \
        trixie "$work/base.tar" < "$work/sources.list"
    docker import "$work/base.tar" "$base" > /dev/null
fi

mkdir -p "$work/root/opt/mai_standin" "$work/root/app/backend/data"
cp "$folder"/*.py "$work/root/opt/mai_standin"
container=$(docker create "$base" true)
docker cp --quiet "$work/root/." "$container:/"
# What the vendor's image says of itself, as far as anybody can see it from outside.
set -- "$@" DOCKER=true PYTHONUNBUFFERED=1
for variable; do
    set -- "$@" --change "ENV $variable"
    shift
done
docker commit "$@" \
    --change 'WORKDIR /app/backend' \
    --change 'EXPOSE 8080' \
    --change 'HEALTHCHECK CMD curl --silent --fail http://localhost:${PORT:-8080}/health' \
    --change 'CMD ["python3", "/opt/mai_standin"]' \
    "$container" "$name" > /dev/null
