# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password that was brought to this machine in a file of its own, so that no argument of a module holds it."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance import credentials


def options(name: str) -> dict[str, Any]:
    return {name: {"type": "str", "no_log": True}, f"{name}_file": {"type": "path", "no_log": False}}


def take(module: AnsibleModule, option: str) -> None:
    """Put it in the place of the option that it is, and the file away; end the module where it cannot be one."""
    path = module.params[f"{option}_file"]
    if path:
        try:
            with open(path, encoding="utf-8", newline="") as stream:
                module.params[option] = stream.read()
            os.unlink(path)
        except (OSError, ValueError) as error:
            module.fail_json(msg=f"The password in {path} cannot be read: {type(error).__name__}.")
        module.no_log_values.add(module.params[option])
    password = module.params[option]
    if password is None:
        return
    if not password or "\0" in password:
        module.fail_json(msg="The password is empty, or holds a NUL character. Give another one.")
    if len(password.encode("utf-8", "surrogatepass")) > credentials.LONGEST_PASSWORD:
        module.fail_json(
            msg=f"The password is longer than {credentials.LONGEST_PASSWORD} bytes in UTF-8, more than Open WebUI "
            "accepts. Give a shorter one."
        )
