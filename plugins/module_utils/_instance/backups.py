# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there of a client's backups: how they are set up, when the next one is due, and what became of the last.

Of what may be secret a stamp only. Nothing is asked of the storage: that costs seconds, and looks are many.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._backup import state
from ansible_collections.mai.clients.plugins.module_utils._instance import system

UNITS = "/etc/systemd/system"
_NOTHING = (None, None, None, [])


class Asked:
    """The question to systemd, at work beside others; none where no backup was ever set up."""

    def __init__(self, deployment_dir: str, service: str) -> None:
        self._directory, self._service = deployment_dir, service
        self._folder = places.folder_of(deployment_dir)
        timer = os.path.join(UNITS, f"{service}-backup.timer")
        self._units = {end: f"{service}-backup.{end}" for end in ("service", "timer")}
        self._systemd = None
        if os.path.lexists(timer):
            names = "--property=Id,ActiveState,UnitFileState,NextElapseUSecRealtime"
            self._systemd = system.Started("systemctl", "show", names, self._units["timer"], self._units["service"])

    def answer(self) -> dict:
        settings, own_stamp, client, metrics = _settings(self._directory)
        said = _properties(self._systemd.outcome().output) if self._systemd else {}
        timer = said.get(self._units["timer"], {})
        return {
            "installed": self._systemd is not None or settings is not None,
            "program": _digest(os.path.join(self._folder, places.PROGRAM)),
            "settings": settings,
            "stamp": own_stamp,
            "client": client,
            "metrics": metrics,
            "units": {
                end: _digest(os.path.join(UNITS, unit))
                for end, unit in self._units.items()
                if self._systemd is not None
            },
            "timer_active": timer.get("ActiveState") == "active" and timer.get("UnitFileState") == "enabled",
            "next": timer.get("NextElapseUSecRealtime") or None,
            "running": said.get(self._units["service"], {}).get("ActiveState") in ("activating", "active"),
            "restic": shutil.which("restic", path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin") is not None,
            "state": state.read(self._directory),
        }


def digest_of(value: object) -> str:
    """Of settings that are no secret."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


def _settings(directory: str) -> tuple:
    try:
        found = places.load(directory)
    except (OSError, ValueError, RecursionError):
        return _NOTHING
    client, folder = str(found["public"].get("client")), found["public"].get("metrics_dir")
    told = [places.metrics_file(str(one), client) for one in (folder, *places.METRICS) if one]
    metrics = [path for path in told if os.path.lexists(path)]
    return digest_of(found["public"]), places.stamp(client, found["secrets"]), client, metrics


def _digest(path: str) -> str | None:
    try:
        return hashlib.sha256(_own_file.read(path)).hexdigest()
    except OSError:
        return None


def _properties(text: str) -> dict:
    units = {}
    for block in text.split("\n\n"):
        values = system.properties(block)
        units[values.get("Id")] = values
    return units
