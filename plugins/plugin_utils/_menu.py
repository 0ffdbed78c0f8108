# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu for people who liked the guide's script: what can be chosen, and what an answer to "which client?" means.

This is private to the collection. Nothing is asked or done here.
"""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import amount, number
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._table import table
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

SHORTEST_HASH = 8


@dataclass(frozen=True)
class Choice:
    number: str
    word: str
    words: str
    # What is run for a client; what can be done to a key without one is done at OpenRouter alone
    playbook: str = ""
    of_key: bool = False


CHOICES = (
    Choice("1", "create", "create a client"),
    Choice("2", "list", "list clients and keys", "list_clients"),
    Choice("3", "information", "information about a client or key", "client_info", of_key=True),
    Choice("4", "limit", "change a limit", "set_limit", of_key=True),
    Choice("5", "disable", "disable a client or key", "suspend_client", of_key=True),
    Choice("6", "exit", "exit"),
    Choice("7", "rotate", "give a client a new key", "rotate_key"),
    Choice("8", "diagnose", "find out what is wrong with a client", "diagnose_client"),
)
MENU = "\n".join(["", *(f"  {one.number}  {one.words}" for one in CHOICES)])


@dataclass(frozen=True)
class Target:
    """A client of the inventory, or a key that belongs to none."""

    client: str = ""
    key: Key | None = None


class Unclear(Exception):
    """Why an answer names neither, for a person."""


def choice(answer: str) -> Choice | None:
    """By number, or by the beginning of its word."""
    said = answer.strip().lower()
    if said in ("q", "quit"):
        said = "exit"
    return next((one for one in CHOICES if said and (said == one.number or one.word.startswith(said))), None)


def target(answer: str, clients: t.Mapping[str, str], keys: t.Sequence[Key]) -> Target:
    """By slug, name of a key, or hash or its beginning. ``clients`` are the names of their keys, by slug."""
    said = answer.strip()
    if said in clients:
        return Target(client=said)
    slugs = {name: slug for slug, name in clients.items()}
    if said in slugs:
        return Target(client=slugs[said])
    found = [key for key in keys if key.name == said]
    if not found and len(said) >= SHORTEST_HASH:
        found = [key for key in keys if key.hash.startswith(said.lower())]
    if len(found) > 1:
        hashes = ", ".join(shown(key.hash, 20) for key in found[:5])
        raise Unclear(f"{len(found)} keys are meant by {shown(said, 60)} ({hashes}): give more of the hash")
    if found:
        owner = slugs.get(found[0].name)
        return Target(client=owner) if owner else Target(key=found[0])
    known = dict.fromkeys([*clients, *(key.name for key in without_client(clients, keys))])
    near = difflib.get_close_matches(said, known, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(shown(one, 60) for one in near)}?" if near else "Choose 2 to list all of them."
    raise Unclear(f"no client and no key {shown(said, 70)}. {hint}")


def without_client(clients: t.Mapping[str, str], keys: t.Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.name not in set(clients.values())]


def keys_table(keys: t.Sequence[Key]) -> str:
    """A line for each key that belongs to no client."""
    rows = [("HASH", "NAME", "LIMIT", "USED THIS MONTH", "STATE")]
    rows += [
        (shown(key.hash, 12), shown(key.name, 60), amount(key["limit"]), _used(key), _state(key))
        for key in sorted(keys, key=lambda key: key.name)
    ]
    return "\n".join(table(rows, indent=""))


def key_text(key: Key) -> str:
    """Everything about a key that belongs to no client."""
    period = "" if key["limit"] is None else f" ({shown(key['limit_reset'] or 'for its lifetime')})"
    lines = {
        "key": shown(key.name),
        "hash": shown(key.hash),
        "label": shown(key["label"]),
        "state": _state(key),
        "limit": f"{amount(key['limit'])}{period}",
        "used this month": _used(key),
        "created": shown(key["created_at"]),
        "client": "none of this inventory",
    }
    return "\n".join(f"  {name}: {value}" for name, value in lines.items())


def _used(key: Key) -> str:
    used = number(key["usage_monthly"])
    return "?" if used is None else f"{used:.2f}"


def _state(key: Key) -> str:
    return "disabled" if key["disabled"] else "enabled"


def limit_fault(answer: str) -> str | None:
    try:
        money(answer)
    except ValueError:
        return f"'{shown(answer, 60)}' is no limit: give USD per calendar month as a number of 0.01 or more, or none"
    return None
