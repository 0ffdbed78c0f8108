#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the vendor's image starts: a secret key of its own where none is given, then the server as PID 1.
set -eu
if [ -z "${WEBUI_SECRET_KEY:-}" ]; then
    [ -e .webui_secret_key ] || head -c 12 /dev/urandom | base64 > .webui_secret_key
    WEBUI_SECRET_KEY=$(cat .webui_secret_key)
    export WEBUI_SECRET_KEY
fi
exec python3 -c 'from open_webui import app; app()' serve --host "${HOST:-0.0.0.0}" --port "$PORT"
