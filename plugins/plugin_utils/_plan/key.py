# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's key: whether openrouter_key would have anything to do, from the listing and the look.

This is private to the collection. The engine of M(mai.clients.openrouter_key) decides, here as there; what only a
look of its own at the file can tell is left to it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import OpenRouterError
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import FIELDS, Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired, plan
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import Stored
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

Values = t.Mapping[str, t.Any]

VARIABLES = ("OPENAI_API_KEY", "OPENROUTER_API_KEY")
NO_KEY: dict[str, t.Any] = {**dict.fromkeys(FIELDS), "disabled": False}


@dataclass(frozen=True)
class Aim:
    """What a run is to do about the key, where the inventory does not say it."""

    disabled: bool | None = None  # only who resumes says so: to all others a disabled key is the record of a suspension
    lost_secret: str = "replace_unused"


def wanted(client: Values) -> dict[str, t.Any]:
    """What is asked of openrouter_key, in its own words, whether it has anything to do or not."""
    never = money(client["mai_monthly_limit"]) is None
    return {"limit_reset": "never" if never else "monthly", "secret_variables": list(VARIABLES)}


def desired(client: Values, aim: Aim) -> Desired:
    period = wanted(client)["limit_reset"]
    fields: dict[str, t.Any] = {
        "limit": money(client["mai_monthly_limit"]),
        "limit_reset": None if period == "never" else period,
    }
    if aim.disabled is not None:
        fields["disabled"] = aim.disabled
    return Desired(name=client["mai_key_name"], fields=fields, locked=True, lost_secret=aim.lost_secret)


def key(
    client: Values, seen: Values, keys: t.Sequence[Key], now: datetime, aim: Aim = Aim()
) -> tuple[dict[str, t.Any], Values]:
    """Whether there is anything to do and what, and the client's key as it is."""
    named = [one for one in keys if one.name == client["mai_key_name"]]
    known = {one.hash for one in keys}
    elsewhere = {one["hash"] for one in seen["key_candidates"]} - {seen["key_hash"]}
    due: dict[str, t.Any] = {"due": True, "recover": bool(elsewhere), "makes": False, "settings": [], "changes": {}}
    due.update(in_place=False, refused="")
    is_now = (named[0] if len(named) == 1 else None) or next((o for o in keys if o.hash == seen["key_hash"]), None)
    if seen["key_hash"] is None or seen["key_hash"] in known:
        try:
            steps = plan(desired(client, aim), keys, _stored(client, seen), now, "")
        except OpenRouterError as error:
            # openrouter_key says so, after another look; what is lost in its place may be elsewhere
            due["refused"] = "" if elsewhere & {one.hash for one in named} else str(error)
        else:
            due["due"] = bool(steps.actions)
            due["makes"] = any(one.kind == "create" for one in steps.actions)
            if not due["makes"]:
                due["settings"] = list(dict.fromkeys(name for one in steps.actions for name in one.changes))
            for one in steps.actions:
                if one.key and is_now and one.key.hash == is_now.hash and one.kind == "update":
                    due["changes"].update(one.changes)
    kind, due["expiry"] = is_now.expiry(now) if is_now and not is_now.disabled else ("", "")
    lasting = kind == "expired" and not due["makes"]
    due["expired"] = f"{client['slug']} was not touched: {due['expiry']}." if lasting else ""
    due["in_place"] = is_now is not None and is_now.hash == seen["key_hash"]
    return due, is_now.shown() if is_now else {**NO_KEY, "name": client["mai_key_name"]}


def _stored(client: Values, seen: Values) -> Stored:
    file = seen["files"].get("api_key.env")
    faults = [] if file is None or file["mode"] == "0600" else ["mode"]
    hashes = {name: seen["key_variables"].get(name) for name in VARIABLES}
    return Stored(f"{client['mai_deployment_dir']}/api_key.env", "" if file else None, hashes, faults)
