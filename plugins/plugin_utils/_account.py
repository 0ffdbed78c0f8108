# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_account_info, between its options and its result.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import account_info_spec
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import NotManagementKey


class AccountInfoAction(OpenRouterAction):
    spec = staticmethod(account_info_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"changed": False, **ask_account(client, params["require_management_key"])}


def ask_account(client: Client, require: bool) -> dict[str, t.Any]:
    """Whether the key manages an account, and what credit that has."""
    try:
        credit = client.credits()  # only a management key gets an answer
    except NotManagementKey as error:
        about = _told_apart(client, error)
        if require:
            raise
        return about
    credit = {**credit, "left": credit["total"] - credit["used"]}
    return {"valid": True, "management_key": True, "credits": credit}


def _told_apart(client: Client, error: NotManagementKey) -> dict[str, t.Any]:
    """Whether the key that was refused is of the wrong kind or no key at all; the error says so, too."""
    valid = client.is_valid()
    error.add(
        "It is a valid key, but of another kind."
        if valid
        else "It is not valid for anything: it was mistyped, disabled or deleted, or has expired."
    )
    about = {"valid": valid, "management_key": False, "credits": None}
    return {**about, "msg": str(error), "error": error.code, "status": error.status}
