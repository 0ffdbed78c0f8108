# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/inventory_variable.py."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.inventory_variable import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import ControllerError
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import NotRecordable
from ansible_collections.mai.clients.plugins.plugin_utils._inventory_backend import recording
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        name, value = str(options["name"]), _written(options["value"])
        try:
            with recording(options["backend"], options["awx_inventory"], task_vars or {}, name, value) as wanted:
                if wanted.changed and not self._task.check_mode:
                    wanted.write()
        except (NotRecordable, ControllerError) as error:
            return {**result, "changed": False, "recorded": False, "reason": str(error)}
        except OSError as error:
            reason = f"{error.filename or 'the inventory'} cannot be written ({error.strerror})"
            return {**result, "changed": False, "recorded": False, "reason": reason}
        result.update(changed=wanted.changed, recorded=True, file=wanted.path)
        if self._task.diff and wanted.changed:
            values = {"before": wanted.former(name), "after": {name: value}}
            result["diff"] = {**values, "before_header": wanted.path, "after_header": wanted.path}
        return result


def _written(value: t.Any) -> t.Any:
    """As a person would write it: 750, not 750.0."""
    value = plain(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise AnsibleActionFail("value must be a number, a text or null.")
