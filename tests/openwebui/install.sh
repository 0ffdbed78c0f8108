#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# install.sh VENVDIR [VERSION]
#
# Installs the real Open WebUI from PyPI into a virtual environment of its own: half a minute and half a gigabyte, without
# the packages of without.txt. Needs Python 3.11; on a Debian that has none, Debian 12's is unpacked into .cache, and
# the system is left as it is. Elsewhere 3.12 does, but is not what image.sh can make an image of.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: $0 VENVDIR [VERSION]" >&2
    exit 2
fi
venv=$1
version=${2:-0.12.4}
folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)

mark="$venv/open-webui-version"
definition="$version $(cat "$0" "$folder/without.txt" | sha256sum | cut -c1-16)"
if [ "$(cat "$mark" 2> /dev/null)" = "$definition" ] && "$venv/bin/python" -c '' 2> /dev/null; then
    exit 0
fi

PATH="$root/.venv/bin:$PATH"
if ! command -v uv > /dev/null; then
    echo "$0: uv is missing. Run: make setup" >&2
    exit 1
fi

# The system's own first: distributions build theirs for speed, and here that is worth many minutes.
pythons() { sh "$root/scripts/pythons.sh" "$1" "$1"; }
first() { (PATH=/usr/bin:/bin pythons "$1"; pythons "$1") | sed -n '1s/^[^ ]* //p'; }
python=$(first 3.11)
if [ -z "$python" ] && grep -q '^ID=debian$' /etc/os-release 2> /dev/null; then
    unpacked="$root/.cache/python3.11"
    if [ ! -d "$unpacked" ]; then
        (cd "$root" && python3 -c '
import pathlib, sys
from tests.hosts import apt
apt.unpack("bookworm", sys.argv[2:], pathlib.Path(sys.argv[1]))
' "$unpacked" python3.11-minimal libpython3.11-minimal libpython3.11-stdlib)
    fi
    python="$unpacked/usr/bin/python3.11"
fi
python=${python:-$(first 3.12)}
if [ -z "$python" ]; then
    echo "$0: Open WebUI $version needs Python 3.11 or 3.12 with venv, and this machine has neither." >&2
    exit 1
fi

rm -rf "$venv"
uv venv --quiet --python "$python" "$venv"
overrides=$(mktemp)
trap 'rm -f "$overrides"' EXIT
sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1 ; sys_platform == "never"/p' "$folder/without.txt" > "$overrides"
# A patch release of peewee that Open WebUI 0.6 names is not there ready-made.
echo 'peewee >= 3.18.3, < 4' >> "$overrides"
also=
# Came with packages that are left out, and is imported all the same.
[ "${version#0.6.}" = "$version" ] || also="pytz beautifulsoup4 websocket-client"
# Ready-made packages that run with Debian 12's C library, too: an image of it takes them as they are.
platform=
[ "$(uname -s)" != Linux ] || platform="--python-platform $(uname -m)-manylinux_2_36 --only-binary :all:"
# shellcheck disable=SC2086  # several words each
uv pip install --quiet --compile-bytecode --python "$venv/bin/python" $platform --override "$overrides" \
    "open-webui==$version" $also
echo "$definition" > "$mark"
