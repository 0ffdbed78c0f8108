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

from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._backup import state
from ansible_collections.mai.clients.plugins.module_utils._instance import timer

_NOTHING = (None, None, None, [])


class Asked:
    """What is asked about the client's timer, beside others; the rest is read from its files."""

    def __init__(self, deployment_dir: str, service: str) -> None:
        self._directory = deployment_dir
        program = os.path.join(places.folder_of(deployment_dir), places.PROGRAM)
        self._timer = timer.Asked(f"{service}-backup", program)

    def answer(self) -> dict:
        settings, own_stamp, client, metrics = _settings(self._directory)
        found = self._timer.answer()
        return {
            **found,
            "installed": found["installed"] or settings is not None,
            "settings": settings,
            "stamp": own_stamp,
            "client": client,
            "metrics": metrics,
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
