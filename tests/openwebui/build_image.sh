#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build_image.sh NAME [VERSION]
#
# Makes an image NAME of the real Open WebUI in the engine that `docker` reaches: Debian 12 for its Python 3.11, Open
# WebUI from PyPI without torch (install.sh), and the vendor's way to start it (port 8080, /app/backend/data). An image of
# that name and version that was made by this same script is kept.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: $0 NAME [VERSION]" >&2
    exit 2
fi
name=$1
version=${2:-0.12.4}
folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)
PATH="$root/.venv/bin:$PATH"

definition=$version-$(cat "$0" "$folder/start.sh" | sha256sum | cut -c1-16)
found=$(docker image inspect "$name" --format '{{index .Config.Labels "mai.clients.definition"}}' 2> /dev/null || true)
if [ "$found" = "$definition" ]; then
    exit 0
fi

base=$(sh "$root/tests/mai_standin/base_image.sh" bookworm ca-certificates,curl,python3)

work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || docker rm "$container" > /dev/null' EXIT
mkdir -p "$work/image/opt/open-webui" "$work/image/app/backend/data"
chmod 755 "$work/image"
cp "$folder/start.sh" "$work/image/app/backend/start.sh"
# Ready-made packages for Debian 12's Python and C library, whatever this machine has. Open WebUI 0.6 names two that are
# not ready-made: langdetect, which only its reading of documents needs, and a patch release of peewee.
cat > "$work/without" << 'END'
torch ; sys_platform == "never"
langdetect ; sys_platform == "never"
peewee >= 3.18.3, < 4
END
uv pip install --quiet --python "$root/.venv/bin/python" --target "$work/image/opt/open-webui" \
    --python-version 3.11 --python-platform "$(uname -m)-manylinux_2_36" --only-binary :all: \
    --override "$work/without" "open-webui==$version"
# Compiled once, here: else every new container compiles it anew, for some seconds of each start.
container=$(docker create "$base" python3 -m compileall -qq -j 0 /opt/open-webui)
docker cp --quiet "$work/image/." "$container:/"
docker start --attach "$container" || : # what does not compile is sample code of the packages

# The vendor's variables; the offline ones because nothing outside can be reached here.
docker commit \
    --change "LABEL mai.clients.definition=$definition" \
    --change 'ENV DOCKER=true ENV=prod PORT=8080 PYTHONPATH=/opt/open-webui PYTHONUNBUFFERED=1' \
    --change 'ENV DATA_DIR=/app/backend/data STATIC_DIR=/app/backend/static' \
    --change 'ENV OFFLINE_MODE=true ENABLE_OLLAMA_API=false ANONYMIZED_TELEMETRY=false' \
    --change 'ENV BYPASS_EMBEDDING_AND_RETRIEVAL=true' \
    --change 'WORKDIR /app/backend' \
    --change 'EXPOSE 8080' \
    --change 'HEALTHCHECK CMD curl --silent --fail http://localhost:${PORT:-8080}/health' \
    --change 'CMD ["sh", "start.sh"]' \
    "$container" "$name" > /dev/null
