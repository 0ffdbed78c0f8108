#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# base_image.sh SUITE PACKAGES [OPTION OF MMDEBSTRAP ...]
#
# Prints the name of an image with those packages (a comma list) of that Debian release; makes it when it is missing in
# the engine that `docker` reaches. Nothing is pulled: it comes from Debian's archive, by the mirror that apt uses here.
set -eu

name=mai-base:$(printf '%s' "$*" | sha256sum | cut -c1-12)
suite=$1
packages=$2
shift 2

if ! docker image inspect "$name" > /dev/null 2>&1; then
    cd "$(dirname "$0")/../.."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -c 'import sys; from tests.hosts import apt; sys.stdout.write(apt.sources(sys.argv[1]))' "$suite" \
        > "$work/sources.list"
    python3 -c 'import sys; from tests.hosts import apt; sys.stdout.write(apt.configuration())' > "$work/apt.conf"
    # A file in between, so that a failed bootstrap never becomes an image. The hook's $1 is the new root directory.
    # shellcheck disable=SC2016
    mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt="$work/apt.conf" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --customize-hook='rm -rf "$1"/etc/apt/sources.list* "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/var/lib/apt/lists/*' \
        "$@" "$suite" "$work/base.tar" < "$work/sources.list"
    docker import "$work/base.tar" "$name" > /dev/null
fi
echo "$name"
