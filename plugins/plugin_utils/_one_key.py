# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_key and openrouter_key_info, between their options and their results.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import key_info_spec, key_spec
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction, interruption_told
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.listing import Listing
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import (
    check_names,
    check_rotation,
    expiry_of,
    fields_of,
)
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired
from ansible_collections.mai.clients.plugins.plugin_utils._target_secret import TargetSecretFile


class KeyAction(OpenRouterAction):
    spec = staticmethod(key_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        check_names(params)
        check_rotation(params, self._task.args)
        desired = Desired(
            name=params["name"],
            hash=params["hash"],
            state=params["state"],
            fields=fields_of(params, self._task.args),
            expires_at=expiry_of(params),
            lost_secret=params["lost_secret"],
            rotate=params["rotate"],
            commit=params["commit"],
            carry_usage=params["carry_usage"],
            pending_max_age=params["pending_max_age"],
            locked=params["locked"],
        )
        listing = Listing(client, C.DEFAULT_LOCAL_TMP)
        reconciler = Reconciler(client, desired, self._store(params), self._task.check_mode, listing)
        with interruption_told(lambda: _unfinished(reconciler.unfinished)):
            return reconciler.run()

    def _store(self, params: dict[str, t.Any]) -> TargetSecretFile | None:
        if not params["secret_file"] or params["state"] != "present":
            return None
        if params["hash"]:
            raise InvalidOption(
                "secret_file goes with name: a key named by its hash exists, and its secret is not to be had."
            )
        return TargetSecretFile(
            self._low_level_execute_command,
            params["secret_file"],
            params["secret_variables"],
            params["secret_owner"],
            params["secret_group"],
            self._task.check_mode,
        )


def _unfinished(name: str | None) -> str | None:
    if not name:
        return None
    return (
        f"Interrupted while the key was made: {name} may exist at OpenRouter. Run again: if its secret was stored, that"
        " run finishes it, else it is removed."
    )


class KeyInfoAction(OpenRouterAction):
    spec = staticmethod(key_info_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        if params["hash"]:
            key = client.get_key(params["hash"])
            found = [key] if key else []
        else:
            found = client.list_keys(params["workspace_id"] or None)
        if params["name"] is not None:
            found = [key for key in found if key.name == params["name"]]
        if not params["include_disabled"]:
            found = [key for key in found if not key.disabled]
        return {"changed": False, "api_keys": [key.shown() for key in found]}
