# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/listening_ports.py."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._text import shown


class ActionModule(ActionBase):
    """A machine that does not answer is an answer."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        self.validate_argument_spec({})
        try:
            found = self._execute_module(module_name="mai.clients.listening_ports", task_vars=task_vars)
        except AnsibleError as error:  # it cannot be reached, or has no Python
            found = {"msg": str(error)}
        if isinstance(found.get("ports"), list):
            return {**result, "changed": False, "ports": found["ports"], "reason": ""}
        return {
            **result,
            "changed": False,
            "ports": [],
            "reason": shown(" ".join(str(found.get("msg")).split()) or "?"),
        }
