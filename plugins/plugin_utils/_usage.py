# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_usage_info, between its options and its result.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import usage_info_spec
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import day_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.usage import (
    by_day_and_model,
    totals_of,
    usage_of,
)

_FILTERS = ("name", "hash", "name_prefix")


class UsageInfoAction(OpenRouterAction):
    spec = staticmethod(usage_info_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        day = day_of(params)
        if any(params[name] == "" for name in _FILTERS):
            raise InvalidOption("name, hash and name_prefix must not be empty: leave out what is not to be compared.")
        keys = _keys(client, params)
        result = {"changed": False, "api_keys": [usage_of(key) for key in keys], "totals": totals_of(keys)}
        if params["activity"]:
            result["activity"] = _activity(client, params, keys, day)
        return result


def _keys(client: Client, params: t.Mapping[str, t.Any]) -> list[Key]:
    if params["hash"]:
        key = client.get_key(params["hash"])
        return [key] if key else []
    keys = client.list_keys(params["workspace_id"] or None)
    if params["name"]:
        return [key for key in keys if key.name == params["name"]]
    return [key for key in keys if key.name.startswith(params["name_prefix"] or "")]


def _activity(
    client: Client, params: t.Mapping[str, t.Any], keys: t.Iterable[Key], day: str | None
) -> list[dict[str, t.Any]]:
    """Of everything in one call, or of each key that was asked for."""
    asked = {"date": day, "workspace_id": params["workspace_id"] or None, "user_id": params["user_id"] or None}
    if not any(params[name] for name in _FILTERS):
        return by_day_and_model(client.activity(**asked))
    return [
        {"hash": key.hash, "name": key.name, **row}
        for key in keys
        for row in by_day_and_model(client.activity(**asked, api_key_hash=key.hash))
    ]
