# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.modules.client_record import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils import _record_file
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal
from ansible_collections.mai.clients.plugins.plugin_utils._target_files import File, put


class ActionModule(ActionBase):
    """Documented in plugins/modules/client_record.py."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        text, written, diffs = options["text"], [], []
        if options["machine_path"]:
            file = File(options["machine_path"], text)
            for change in put(
                self._low_level_execute_command, [file], look=self._task.check_mode, tell=self._task.diff
            ):
                written.append(change.path)
                diffs.append(_diff(change.path, change.before, text))
        if options["path"]:
            before = _record_file.read(options["path"])
            if before != text:
                written.append(options["path"])
                diffs.append(_diff(options["path"], before, text))
                if not self._task.check_mode:
                    _keep(options["path"], text)
        result.update(changed=bool(written), written=written)
        if self._task.diff:
            result["diff"] = diffs
        return result


def _diff(path: str, before: str | None, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before or "", "after": after}


def _keep(path: str, text: str) -> None:
    try:
        _record_file.write(path, text)
    except OSError as error:
        raise Refusal(
            f"The client's record cannot be kept on the controller ({shown(path)}: {error.strerror}): set"
            " mai_handover_dir to a directory that this user can write to. On the machine everything is done.",
            result={"changed": False},
        ) from None
