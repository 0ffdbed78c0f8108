#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build_image.sh NAME [VARIABLE=VALUE ...]
#
# Makes the stand-in's image NAME in the engine that `docker` reaches, with those variables (STANDIN_...) set in it.
# The base is built once and kept (half a minute); the code is laid on top of it each time (less than a second).
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 NAME [VARIABLE=VALUE ...]" >&2
    exit 2
fi
name=$1
shift

folder=$(cd "$(dirname "$0")" && pwd)
# curl is in the vendor's image too: health checks use it.
base=$(sh "$folder/base_image.sh" trixie ca-certificates,curl,python3,python3-bcrypt,python3-httpx,python3-jwt,\
python3-psycopg,python3-starlette,python3-uvicorn,python3-websockets)

work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || docker rm "$container" > /dev/null' EXIT
mkdir -p "$work/opt/mai_standin" "$work/app/backend/data"
cp "$folder"/*.py "$work/opt/mai_standin"
# mktemp's mode must not become that of the image's root.
chmod 755 "$work"
container=$(docker create "$base" python3 -m compileall -qq /opt/mai_standin)
docker cp --quiet "$work/." "$container:/"
docker start --attach "$container"

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
