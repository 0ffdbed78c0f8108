#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later

# Lists the Python interpreters of this machine that can build a virtual environment with pip,
# newest first, one "VERSION PATH" a line.
# Usage: pythons.sh [OLDEST [NEWEST]], for example: pythons.sh 3.11 3.14
set -eu

oldest=${1:-3.0}
newest=${2:-3.99}

# Only running it tells whether a file on PATH is a usable interpreter: version managers put shims there that
# start nothing, and Debian's python3 has no ensurepip until python3-venv is installed. An interpreter inside
# a virtual environment is left out: it goes when that environment does.
probe='import ensurepip, sys, venv
if sys.prefix == sys.base_prefix:
    print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.executable))'

candidates() {
    printf '%s\n' "$PATH" | tr ':' '\n' | while read -r directory; do
        for candidate in "$directory"/python3 "$directory"/python3.[0-9] "$directory"/python3.[0-9][0-9] \
            "${directory%/shims}"/versions/*/bin/python3.[0-9] "${directory%/shims}"/versions/*/bin/python3.[0-9][0-9]
        do
            # The real interpreters behind a directory of shims are in "versions" beside it.
            if [ -x "$candidate" ]; then printf '%s\n' "$candidate"; fi
        done
    done
}

candidates | while read -r candidate; do
    "$candidate" -c "$probe" 2>/dev/null </dev/null || true
done | awk -v oldest="${oldest#3.}" -v newest="${newest#3.}" '{
    minor = substr($1, 3) + 0
    if (minor >= oldest + 0 && minor <= newest + 0 && !seen[$1]++) print
}' | sort -t . -k 2,2nr
