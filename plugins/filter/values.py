# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of the inventory: an amount of money, and what is wrong with a password that nobody may see."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._variables import money, secret_fault


def byte_length(text: t.Any) -> int:
    return len(str(text).encode("utf-8", "surrogatepass"))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"byte_length": byte_length, "money": money, "secret_fault": secret_fault}
