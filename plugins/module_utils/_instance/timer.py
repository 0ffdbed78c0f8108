# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timer of a client's own, and the program that it starts: how they are set up, and when it is due next."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._instance import system

UNITS = "/etc/systemd/system"


class Asked:
    """The question to systemd, at work beside others; none where there never was such a timer."""

    def __init__(self, name: str, program: str) -> None:
        self._program = program
        self._units = {end: f"{name}.{end}" for end in ("service", "timer")}
        self._timer = os.path.join(UNITS, self._units["timer"])
        self._systemd = None
        if os.path.lexists(self._timer):
            names = "--property=Id,ActiveState,UnitFileState,NextElapseUSecRealtime"
            self._systemd = system.Started("systemctl", "show", names, self._units["timer"], self._units["service"])

    def answer(self) -> dict:
        said = _properties(self._systemd.outcome().output) if self._systemd else {}
        timer = said.get(self._units["timer"], {})
        there = self._systemd is not None
        return {
            "installed": there,
            "program": _digest(self._program),
            "units": {end: _digest(os.path.join(UNITS, unit)) for end, unit in self._units.items() if there},
            "timer_active": timer.get("ActiveState") == "active" and timer.get("UnitFileState") == "enabled",
            "next": timer.get("NextElapseUSecRealtime") or None,
            "running": said.get(self._units["service"], {}).get("ActiveState") in ("activating", "active"),
        }

    def since(self) -> str | None:
        """When it was set up, as it is."""
        try:
            made = os.lstat(self._timer).st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(made, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


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
