# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.refuse import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal


class ActionModule(ActionBase):
    """Documented in plugins/modules/refuse.py."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        raise Refusal(options["msg"], result={"changed": False})
