#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later

# Writes tests/requirements.lock: one file for every Python from 3.11 on, told apart by environment markers.
set -eu
cd "$(dirname "$0")/../tests"
UV_CUSTOM_COMPILE_COMMAND='make lock' \
    ../.venv/bin/uv --no-config pip compile --quiet --universal --python-version 3.11 --upgrade --no-annotate \
    --no-emit-index-url --no-emit-find-links requirements.in --output-file requirements.lock
