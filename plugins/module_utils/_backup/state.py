# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a client's backups: kept beside them, shown to whoever looks, and told to Prometheus."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Mapping

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._instance import private_file
from ansible_collections.mai.clients.plugins.module_utils._text import shown

_LARGEST = 64 * 1024
_TEXTS = {
    **dict.fromkeys(("started", "last_success", "error_time", "checked", "snapshot", "repository", "since"), 300),
    **dict.fromkeys(("error", "error_reason", "warning", "image", "schema_revision", "repository_id"), 800),
    "recovery_stamp": 10,
}
_NUMBERS = ("bytes", "added_bytes", "files", "left_out", "seconds")
# The file of the node exporter's collector is read by another user
_METRICS_MODE = 0o644


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(deployment_dir: str) -> dict[str, Any] | None:
    """What the last runs noted, each value of its type; None where there was none."""
    path = os.path.join(places.folder_of(deployment_dir), places.STATE)
    try:
        found = json.loads(_own_file.read(path, _LARGEST).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    state: dict[str, Any] = {}
    for name, longest in _TEXTS.items():
        value = found.get(name)
        state[name] = shown(value, longest) if isinstance(value, str) else None
    for name in _NUMBERS:
        value = found.get(name)
        state[name] = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return state


def write(deployment_dir: str, state: Mapping[str, Any]) -> None:
    path = os.path.join(places.folder_of(deployment_dir), places.STATE)
    private_file.write(path, json.dumps(state, indent=1, sort_keys=True) + "\n")


def progress_file(service: str) -> str:
    return os.path.join(places.RUN, f"{service}.json")


def tell(service: str, **what: Any) -> None:
    """Where a run is, for who waits for it. In memory: it can be told when every disk is full."""
    with suppress(OSError):
        os.makedirs(places.RUN, mode=0o700, exist_ok=True)
        private_file.write(progress_file(service), json.dumps(dict(what, time=now())))


def told(service: str) -> dict[str, Any]:
    try:
        found = json.loads(_own_file.read(progress_file(service), _LARGEST).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def seconds_of(moment: str | None) -> float:
    try:
        return datetime.strptime(moment or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


def utc(told: Any) -> str:
    """When it was made: restic tells it in the zone of the machine that made it."""
    # Python before 3.11 knows neither nine digits of a second nor a Z
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)\Z", str(told))
    if not found:
        return f"{str(told)[:19]}Z"
    zone = "+00:00" if found.group(2) == "Z" else found.group(2)
    moment = datetime.fromisoformat(found.group(1) + zone).astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_metrics(folder: str | None, client: str, state: Mapping[str, Any]) -> None:
    """As a file for Prometheus' node exporter, where its folder is; a client's slug needs no quoting there."""
    folder = folder or next((place for place in places.METRICS if os.path.isdir(place)), None)
    if not folder or not os.path.isdir(folder):
        return
    values = {
        "last_success_timestamp_seconds": seconds_of(state.get("last_success")),
        "last_run_timestamp_seconds": seconds_of(state.get("started")),
        "last_run_ok": 0 if state.get("error") else 1,
        "size_bytes": state.get("bytes") or 0,
        "duration_seconds": state.get("seconds") or 0,
    }
    lines = []
    for name, value in values.items():
        lines += [f"# TYPE mai_clients_backup_{name} gauge\n"]
        lines += [f'mai_clients_backup_{name}{{client="{client}"}} {value:.10g}\n']
    with suppress(OSError):
        private_file.write_bytes(places.metrics_file(folder, client), "".join(lines).encode(), _METRICS_MODE)
