#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# image.sh VENVDIR NAME DOCKER...     DOCKER...: a command and its first arguments that reach the engine to fill
#
# Makes an image NAME of the Open WebUI that install.sh put into VENVDIR: Debian 12 for its Python 3.11, and the vendor's
# way to start it (port 8080, /app/backend/data). The tree is sent to where the image is wanted and unpacked there,
# once: no image of it in between, no archive. The engine that `docker` reaches has the base.
set -eu

if [ $# -lt 3 ]; then
    echo "usage: $0 VENVDIR NAME DOCKER..." >&2
    exit 2
fi
library=$1/lib/python3.11
name=$2
shift 2
folder=$(cd "$(dirname "$0")" && pwd)
if [ ! -d "$library" ]; then
    echo "$0: $library is missing: only what was installed with Python 3.11 runs with Debian 12's." >&2
    exit 1
fi

base=$(sh "$folder/../mai_standin/base_image.sh" bookworm ca-certificates,curl,python3)

work=$(mktemp -d)
container=
trap 'rm -rf "$work"; [ -z "$container" ] || docker rm "$container" > /dev/null' EXIT
container=$(docker create "$base" true)
docker export "$container" | tar -x --no-same-owner -C "$work"
chmod 755 "$work"
mkdir -p "$work/app/backend/data"
cp "$folder/start.sh" "$work/app/backend/start.sh"

# The variables are the vendor's; the offline ones because nothing outside can be reached here. Left out are what only a
# browser loads (half of it all): the page itself stays.
frontend=site-packages/open_webui/frontend
# shellcheck disable=SC2016  # the health check's shell has that variable
tar -c --owner=0 --group=0 --numeric-owner --transform 's,^site-packages,opt/open-webui,' \
    --exclude "$frontend/_app" --exclude "$frontend/assets" --exclude "$frontend/pyodide" --exclude "$frontend/wasm" \
    -C "$work" . -C "$library" site-packages |
    "$@" import \
        --change 'ENV DOCKER=true ENV=prod PORT=8080 PYTHONPATH=/opt/open-webui PYTHONUNBUFFERED=1' \
        --change 'ENV DATA_DIR=/app/backend/data STATIC_DIR=/app/backend/static' \
        --change 'ENV OFFLINE_MODE=true ENABLE_OLLAMA_API=false ANONYMIZED_TELEMETRY=false' \
        --change 'ENV BYPASS_EMBEDDING_AND_RETRIEVAL=true' \
        --change 'WORKDIR /app/backend' \
        --change 'EXPOSE 8080' \
        --change 'HEALTHCHECK CMD curl --silent --fail http://localhost:${PORT:-8080}/health' \
        --change 'CMD ["sh", "start.sh"]' \
        - "$name" > /dev/null
