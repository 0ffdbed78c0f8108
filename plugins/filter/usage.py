# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files by which a client's usage is read each day on its machine."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._usage import history
from ansible_collections.mai.clients.plugins.plugin_utils import _program
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain


def usage_files(plan: t.Mapping[str, t.Any], deployment_dir: str) -> list[dict[str, t.Any]]:
    planned = plain(plan)
    program = f"{deployment_dir}/{history.FOLDER}/{history.PROGRAM}"
    return [
        {"path": program, "content": _program.usage(), "mode": "0700", "secret": True},
        *(
            {"path": f"/etc/systemd/system/{planned['unit']}.{end}", "content": content, "mode": "0644"}
            for end, content in planned["units"].items()
        ),
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"usage_files": usage_files}
