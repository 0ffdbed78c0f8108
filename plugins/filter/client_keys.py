# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of an account's keys are one client's: the one in use, those on their way, those that were replaced."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._client import account_keys, keys_shown


def client_keys(keys: t.Iterable[t.Mapping[str, t.Any]], name: str) -> list[dict[str, t.Any]]:
    return keys_shown(account_keys(keys), name)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"client_keys": client_keys}
