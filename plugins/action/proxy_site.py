# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings certificates and keys of the controller to the target before the module runs there.

As an argument of the module, a key would be printed by ANSIBLE_DEBUG and kept by ANSIBLE_KEEP_REMOTE_FILES; it travels
as the standard input of one command, into a file that only root reads and that the module moves to its place.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._instance.site import DIRECTORY
from ansible_collections.mai.clients.plugins.plugin_utils import _certificate_files
from ansible_collections.mai.clients.plugins.plugin_utils._bring import bring


class ActionModule(ActionBase):
    """Documented in plugins/modules/proxy_site.py."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        paths = {what: arguments.pop(what, None) for what in ("certificate", "key", "root")}
        files = {what: str(path) for what, path in paths.items() if path}
        if files and not self._task.check_mode:
            client = str(arguments.get("client"))
            arguments["brought"] = {what: self._put(client, what, path) for what, path in files.items()}
        result.update(self._execute_module("mai.clients.proxy_site", module_args=arguments, task_vars=task_vars))
        return result

    def _put(self, client: str, what: str, path: str) -> str:
        try:
            content = _certificate_files.read(self, path)
        except AnsibleError as error:
            raise AnsibleActionFail(f"The {what} of {client} cannot be read on the controller: {error}") from None
        return bring(
            self._low_level_execute_command,
            content,
            DIRECTORY,
            f"{client}.{what}",
            f"The {what} of {client} could not be brought to {DIRECTORY} on the target. The directory must be writable "
            "for the connection's user, and the disk neither full nor read-only.",
            umask="022",
        )
