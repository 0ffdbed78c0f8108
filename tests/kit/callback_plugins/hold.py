# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a run before a certain task, so that a test can break something at that very moment.

HOLD_AT is the task's name without its role, HOLD_FILE a path: the run makes it when it has come there, and goes on
when it is gone. Where the task comes again, it does not stop again.
"""

from __future__ import annotations

import os
import pathlib
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: hold
type: notification
short_description: Stop a run before a certain task
description: For tests.
author: The mai.clients team
version_added: 0.1.0
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "hold"

    _held = False

    def v2_playbook_on_task_start(self, task, is_conditional):
        if self._held or task.name != os.environ.get("HOLD_AT"):
            return
        self._held = True
        file = pathlib.Path(os.environ["HOLD_FILE"])
        file.touch()
        while file.exists():
            time.sleep(0.05)
