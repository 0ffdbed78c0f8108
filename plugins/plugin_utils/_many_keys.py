# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_keys, between its options and its result.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import keys_spec
from ansible_collections.mai.clients.plugins.plugin_utils._action import OpenRouterAction, interruption_told, validated
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.bulk import Bulk
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.bulk_plan import Entry, PruneRule
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.listing import Listing
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import (
    MAX_CONCURRENCY,
    check_names,
    expiry_of,
    fields_of,
)
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired


def _spec() -> dict[str, t.Any]:
    """The entries are looked at one by one, so that each fault is told with its index."""
    spec = keys_spec()
    entries = spec["argument_spec"]["api_keys"]
    del entries["options"], entries["elements"]
    return spec


class KeysAction(OpenRouterAction):
    spec = staticmethod(_spec)

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        entries = entries_of(params)
        rule = None
        if params["prune"]:
            rule = PruneRule(params["name_prefix"], params["prune_used"], params["pending_max_age"])
        bulk = Bulk(client, entries, rule, params["concurrency"], self._task.check_mode)
        listing = Listing(client, C.DEFAULT_LOCAL_TMP)
        try:
            with interruption_told(lambda: _unfinished(bulk.unfinished)):
                return bulk.run()
        finally:
            if not self._task.check_mode:
                for workspace in {*bulk.workspaces, None}:
                    listing.forget(workspace)


def _unfinished(names: t.Sequence[str]) -> str | None:
    if not names:
        return None
    return (
        f"Interrupted while keys were made. These may exist, and nobody has their secrets: {', '.join(names)}."
        " Provisional ones are removed by a later run; delete the others."
    )


def entries_of(params: t.Mapping[str, t.Any]) -> list[Entry]:
    """All that is asked for, or everything that is wrong with it."""
    problems = _general_problems(params)
    entries: list[Entry] = []
    validator = ArgumentSpecValidator(keys_spec()["argument_spec"]["api_keys"]["options"])
    for index, given in enumerate(params["api_keys"]):
        try:
            entries.append(_entry(index, given, validator, params["pending_max_age"]))
        except InvalidOption as error:
            name = given.get("name") if isinstance(given, dict) else None
            problems.append(f"api_keys[{index}] ({name or 'without a name'}): {error}")
    problems += _duplicates(params["api_keys"])
    if problems:
        raise InvalidOption("Nothing was done. Correct the options first:\n- " + "\n- ".join(problems))
    return entries


def _general_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    problems = []
    if not 1 <= params["concurrency"] <= MAX_CONCURRENCY:
        problems.append(f"concurrency must be from 1 to {MAX_CONCURRENCY}. It is {params['concurrency']}.")
    if params["prune"] and not (params["name_prefix"] or "").strip():
        problems.append("prune needs a name_prefix that is not empty: only keys whose names begin with it are deleted.")
    if params["prune"] and not params["api_keys"]:
        problems.append(
            "prune with an empty list would delete every key of the prefix. If that is meant, list them with"
            " state=absent."
        )
    return problems


def _entry(index: int, given: t.Any, validator: ArgumentSpecValidator, pending_max_age: int) -> Entry:
    if not isinstance(given, dict):
        raise InvalidOption(f"must be a dictionary with the key's settings. It is of type {type(given).__name__}.")
    entry = validated(validator, given)
    check_names({**entry, "hash": None})
    if entry["state"] == "disabled" and "disabled" in entry["ignore"]:
        raise InvalidOption("state=disabled and ignore=disabled contradict each other: give one of them.")
    desired = Desired(
        name=entry["name"],
        state=entry["state"],
        fields=fields_of(entry, given),
        expires_at=expiry_of(entry),
        pending_max_age=pending_max_age,
    )
    return Entry(index, desired, entry["ignore"])


def _duplicates(given: t.Iterable[t.Any]) -> list[str]:
    indices: dict[str, list[int]] = {}
    for index, entry in enumerate(given):
        if isinstance(entry, dict) and entry.get("name"):
            indices.setdefault(str(entry["name"]), []).append(index)
    return [
        f"api_keys[{'], api_keys['.join(map(str, found))}] have the same name: {name}. One name is one key."
        for name, found in indices.items()
        if len(found) > 1
    ]
