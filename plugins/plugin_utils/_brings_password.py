# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions that bring a given password to the target before their module runs there.

This is private to the collection. It travels as the standard input of one command, into a file of root's alone that the
module removes: as an argument ANSIBLE_DEBUG would print it, and ANSIBLE_KEEP_REMOTE_FILES would keep it.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.plugin_utils._bring import bring


class BringsPassword(ActionBase):
    """It only repeats the module, which has ``option`` and ``option``_file."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False
    module: str
    option: str

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        password = arguments.pop(self.option, None)
        # What is only looked at needs none
        if password and not self._task.check_mode:
            directory = str(arguments.get("deployment_dir"))
            arguments[f"{self.option}_file"] = bring(
                self._low_level_execute_command,
                str(password).encode(),
                directory,
                self.option,
                f"A password ({self.option}) could not be brought to {directory} on the target. The directory must "
                "exist and be writable for the connection's user, and the disk neither full nor read-only.",
            )
        result.update(self._execute_module(self.module, module_args=arguments, task_vars=task_vars))
        return result
