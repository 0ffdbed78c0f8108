# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there of the history of a client's usage: how it is kept, the last reading, and the days without one."""

from __future__ import annotations

import os

from ansible_collections.mai.clients.plugins.module_utils._instance import timer
from ansible_collections.mai.clients.plugins.module_utils._usage import history


class Asked:
    """What is asked about the client's timer, beside others; the rest is in usage.csv, of which the end is read."""

    def __init__(self, deployment_dir: str, service: str) -> None:
        self._directory = deployment_dir
        program = os.path.join(deployment_dir, history.FOLDER, history.PROGRAM)
        self._timer = timer.Asked(f"{service}-usage", program)

    def answer(self) -> dict:
        readings = history.known(self._directory)
        return {
            **self._timer.answer(),
            "since": self._timer.since(),
            "last": readings[-1] if readings else None,
            "missing": history.missing(readings, history.now()[:10]),
        }
