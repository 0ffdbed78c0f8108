# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of a client's key: whether it is due, what it would do, and what it did.

This is private to the collection.
"""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import account_keys
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key, is_pending
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import key_from_environment
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import who
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

Values = t.Mapping[str, t.Any]


def rotation(
    seen: Values, client: Values, keys: t.Sequence[Values], asked: Values, now: datetime, done: Values | None = None
) -> dict[str, t.Any]:
    """``keys`` holds the key in use, if OpenRouter has it; ``done`` is the new key and how its trial went."""
    old = next(iter(account_keys(keys)), None)
    # The key that an interrupted run made and the instance was already given
    switched = old is not None and is_pending(old, client["mai_key_name"])
    due = switched or _is_old(old, asked["older_than_days"], now)
    if done:
        said = _done(client, old, switched, asked, done)
    elif due:
        said = _would(client, seen, asked)
    else:
        days = asked["older_than_days"]
        said = [f"{who(client)}: the key {client['mai_key_name']} is younger than {days} days, it was not rotated"]
    return {
        "due": due,
        "switched": switched,
        "carry_usage": _carries(client, asked),
        "refusal": _refusal(client) if old and old.disabled else "",
        "summary": said,
    }


def _is_old(key: Key | None, days: int, now: datetime) -> bool:
    """What is not there, or does not say how old it is, is replaced."""
    return key is None or key.created is None or (now - key.created).days >= days


def _refusal(client: Values) -> str:
    return (
        f"{client['slug']} is suspended: nobody can use its key, and a new one could not be tried. Nothing was "
        "changed. Run resume_client.yml first."
    )


def _would(client: Values, seen: Values, asked: Values) -> list[str]:
    ends = "delete" if asked["delete_old"] else "disable"
    interrupts = asked["instance_due"] or key_from_environment(seen)
    return [
        f"{who(client)}: would make a new key, switch the instance to it, and {ends} the old one",
        "people would be interrupted for some seconds" if interrupts else "nobody would be interrupted",
        *_forgotten(client, asked),
    ]


def _done(client: Values, old: Key | None, switched: bool, asked: Values, done: Values) -> list[str]:
    key, chat, used = done["key"], done["chat"], (old and old["usage_monthly"]) or 0.0
    label = shown((old and old["label"]) or "")
    if switched:
        ended = f"the rotation that an interrupted run began is finished, and the old key is {_fate(asked)}"
    else:
        ended = f"the old key {label} is {_fate(asked)}, with {used:.2f} USD used on it this month"
    if key["limit"] is None:
        left = "NO LIMIT"
    else:
        left = f"{key['limit']:.2f} USD on the new key"
        # What the old key of an interrupted run used is not known any more
        left += "" if switched else f", so {key['limit'] + used:.2f} USD this month on both"
    works = chat.get("status") == "ok"
    return [
        f"{who(client)}: {client['mai_key_name']} is now the key {shown(key['label'])}",
        ended,
        f"what can still be spent this month: {left}",
        f"tried with one token: {'it works' if works else 'unknown, ' + (chat.get('reason') or 'not tried')}",
        *_forgotten(client, asked),
    ]


def _forgotten(client: Values, asked: Values) -> list[str]:
    """With the old key goes what OpenRouter knew of its use."""
    if not (asked["delete_old"] and _carries(client, asked)):
        return []
    return [
        "delete_old ends what carry_usage begins: the next onboard_client.yml or site.yml of this month gives the new "
        "key the whole limit; leave delete_old out to have what was used counted until the month ends"
    ]


def _carries(client: Values, asked: Values) -> bool:
    return asked["carry_usage"] and money(client["mai_monthly_limit"]) is not None


def _fate(asked: Values) -> str:
    return "deleted" if asked["delete_old"] else "disabled"
