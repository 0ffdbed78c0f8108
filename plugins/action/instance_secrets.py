# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a given password to the target before the module runs there.

As an argument of the module it would be printed by ANSIBLE_DEBUG and kept by ANSIBLE_KEEP_REMOTE_FILES; it travels as
the standard input of one command, into a file that only root reads and that the module removes.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.plugin_utils._bring import bring


class ActionModule(ActionBase):
    """Documented in plugins/modules/instance_secrets.py."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        password = arguments.pop("admin_password", None)
        for name, secret in (("admin_password", password), ("database_url", arguments.pop("database_url", None))):
            if secret and not self._task.check_mode:
                place = str(arguments.get("deployment_dir")), bool(arguments.get("client"))
                arguments[f"{name}_file"] = self._put(name, str(secret), *place)
        result.update(self._execute_module("mai.clients.instance_secrets", module_args=arguments, task_vars=task_vars))
        if password and "password_generated" in result:
            result["password_generated"] = False
        return result

    def _put(self, name: str, secret: str, directory: str, made: bool) -> str:
        return bring(
            self._low_level_execute_command,
            secret.encode(),
            directory,
            name,
            f"A secret ({name}) could not be brought to {directory} on the target. The directory must exist and be "
            "writable for the connection's user, and the disk neither full nor read-only.",
            umask="077" if made else "",
        )
