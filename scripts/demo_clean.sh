#!/bin/sh
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends every process that the demo started and removes its directory.
set -u
cd "$(dirname "$0")/.." || exit 1
demo=.demo

for compose in "$demo"/deployments/*/compose.yml; do
    [ -e "$compose" ] && docker compose --file "$compose" down --timeout 30
done
docker image rm mai-clients-demo:latest >/dev/null 2>&1

for file in "$demo"/deployments/*/instance.pid "$demo/simulator.pid"; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # The number may be somebody else's by now: only what the demo starts is ended.
    case $(ps -p "$pid" -o args= 2>/dev/null) in
    *tests.openrouter_simulator* | *tests.mai_standin* | *open-webui*) kill "$pid" ;;
    *) continue ;;
    esac
    waited=0
    while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 30 ]; do
        sleep 1
        waited=$((waited + 1))
    done
done

rm -rf "$demo"
echo "The demo is gone."
