# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.instance_files import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._target_files import Change, Directory, File, put


class ActionModule(ActionBase):
    """Documented in plugins/modules/instance_files.py."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        directories = [Directory(**given) for given in options["directories"]]
        files = [File(**given) for given in options["files"]]
        changes = put(
            self._low_level_execute_command,
            [*directories, *files],
            options["keep_in"] or "",
            self._task.check_mode,
            self._task.diff,
        )
        result.update(changed=bool(changes), written=[change.path for change in changes])
        if self._task.diff:
            by_path = {file.path: file for file in files}
            result["diff"] = [_diff(change, by_path.get(change.path)) for change in changes]
        return result


def _diff(change: Change, file: File | None) -> dict[str, str]:
    headers = {"before_header": change.path, "after_header": change.path}
    if file is None or file.secret:
        return {**headers, "before": "", "after": "(not shown)\n" if file else "a directory\n"}
    return {**headers, "before": change.before or "", "after": file.content}
