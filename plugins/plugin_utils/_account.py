# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_account_info, between its options and its result.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.module_utils._openrouter.spec import account_info_spec
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction


class AccountInfoAction(OpenRouterAction):
    spec = staticmethod(account_info_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        credit = client.credits()  # only a management key gets an answer
        return {"changed": False, "credits": {**credit, "left": credit["total"] - credit["used"]}}
