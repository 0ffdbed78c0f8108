# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.client_backup import ARGUMENT_SPEC

MODULE = "mai.clients.client_backup"


class ActionModule(ActionBase):
    """Documented in plugins/modules/client_backup.py. It only repeats the module, and says how far the backup is."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        client, said = (task_vars or {}).get("inventory_hostname", ""), ""
        while True:
            answer = self._execute_module(MODULE, module_args=options, task_vars=task_vars)
            if answer.get("failed") or not answer.get("running"):
                break
            percent = answer.get("percent")
            progress = f"{answer['step']}{f', {percent} %' if percent is not None else ''}"
            if progress != said:
                said = progress
                self._display.display(f"{client}: {progress}")
            options = {**options, "state": "waited"}
        result.update(answer)
        return result
