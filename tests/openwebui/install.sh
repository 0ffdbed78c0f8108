#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# install.sh VENVDIR [PYTHON]
#
# Installs the real Open WebUI into a virtual environment of its own: about a minute and 2 GB. Without torch, which
# would be the larger half of it: only local embedding and speech models are lost. Needs Python 3.11 or 3.12; on a Debian
# that has neither, Debian 12's Python is unpacked into .cache, and the system is left as it is.
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 VENVDIR [PYTHON]" >&2
    exit 2
fi
venv=$1
version=0.12.4
root=$(cd "$(dirname "$0")/../.." && pwd)

mark="$venv/open-webui-version"
if [ "$(cat "$mark" 2> /dev/null)" = "$version" ] && "$venv/bin/python" -c '' 2> /dev/null; then
    exit 0
fi

PATH="$root/.venv/bin:$PATH"
if ! command -v uv > /dev/null; then
    echo "$0: uv is missing. Run: make setup" >&2
    exit 1
fi

# The system's own first: distributions build theirs for speed, and here that is worth many minutes.
pythons() { sh "$root/scripts/pythons.sh" 3.11 3.12; }
python=${2:-$( (PATH=/usr/bin:/bin pythons; pythons) | sed -n '1s/^[^ ]* //p')}
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
if [ -z "$python" ]; then
    echo "$0: Open WebUI $version needs Python 3.11 or 3.12 with venv, and this machine has neither." \
        "Install one of them, or name it as the second argument." >&2
    exit 1
fi

rm -rf "$venv"
uv venv --quiet --python "$python" "$venv"
without=$(mktemp)
trap 'rm -f "$without"' EXIT
echo 'torch ; sys_platform == "never"' > "$without"
uv pip install --quiet --compile-bytecode --python "$venv/bin/python" --override "$without" "open-webui==$version"
echo "$version" > "$mark"
