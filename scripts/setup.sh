#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds .venv from the lock file, or says at once that it is up to date.
# Usage: setup.sh demo    what the playbooks and the demo need
#        setup.sh test    all of that, and the tools of make lint and make test
# The newest usable Python from 3.11 to 3.14 is taken; PYTHON=/path/to/python overrides the choice.
set -eu
cd "$(dirname "$0")/.."

part=${1:?usage: setup.sh demo|test}
lock=tests/requirements.lock
venv=$PWD/.venv
stamp=$venv/.ready

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

runs() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

# Beside the playbooks Ansible finds the collection from every directory, also where it does not read ansible.cfg. No link
# of git's: the one in .ansible is enough for a bare clone, and ansible-test allows none.
ln -sfn ../.ansible/collections playbooks/collections

# The contents of the lock, what is done here, the interpreter asked for, and the place (scripts in a venv name their
# own path).
state=$(cat tests/requirements-demo.in tests/requirements.in "$lock" scripts/setup.sh | cksum)" ${PYTHON:-} $venv"

up_to_date() {
    runs "$venv/bin/python" || return 1
    for have in "$part" test; do
        [ "$(cat "$stamp-$have" 2>/dev/null)" = "$state" ] && return 0
    done
    return 1
}

if up_to_date; then
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON") || fail "PYTHON=$PYTHON is not there."
    runs "$python" || fail "PYTHON=$PYTHON does not run, or is not a Python 3.11, 3.12, 3.13 or 3.14."
else
    python=$(sh scripts/pythons.sh 3.11 3.14 | head -n 1 | cut -d ' ' -f 2-)
fi
[ -n "$python" ] || fail "no Python 3.11, 3.12, 3.13 or 3.14 that can build a virtual environment was found.
  Debian, Ubuntu:  apt install python3 python3-venv
  Fedora, RHEL:    dnf install python3.12
  macOS:           brew install python
or name one:       make setup PYTHON=/path/to/python3.12"

# An environment that was built at this place, with this interpreter, is brought up to date; any other is built anew.
reusable() {
    runs "$venv/bin/python" && grep -qF "$venv/bin/" "$venv/bin/pip" 2>/dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$(base_of "$venv/bin/python")" = "$(base_of "$python")" ]
}

base_of() {
    "$1" -c 'import os, sys; print(os.path.realpath(sys._base_executable))'
}

if ! reusable; then
    printf 'setup: building .venv with %s (%s)\n' "$python" "$("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "$python cannot build a virtual environment (Debian, Ubuntu: apt install python3-venv)."
fi

case $part in
    demo) set -- -r tests/requirements-demo.in -c "$lock" ;;
    test) set -- -r "$lock" ;;
    *) fail "unknown part $part: demo or test" ;;
esac
printf 'setup: installing the packages of %s\n' "$lock"
"$venv/bin/python" -m pip install -qq --no-input --no-compile --disable-pip-version-check "$@" ||
    fail "pip could not install the packages of $lock; its message is above."
# Once, whatever PYTHONDONTWRITEBYTECODE says: without it every start of Ansible compiles Ansible anew. Not the
# collections: Ansible compiles their plugins itself and keeps nothing, and there are many. What does not compile is
# sample code of the packages.
"$venv/bin/python" -m compileall -qq -j 0 -x 'site-packages/ansible_collections/' "$venv"/lib/python3.*/site-packages || :
printf '%s' "$state" >"$stamp-$part"
