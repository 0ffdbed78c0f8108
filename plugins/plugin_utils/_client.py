# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look and a listing say of a client, made fit to be judged and shown: whatever was written there, by whomever.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._same_url import bare, hashes_of_url, same_url
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, show_url, shown, shown_or_none
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key, limit_left, owner_of

Values = t.Mapping[str, t.Any]

GIB = 1024**3
CELL = 60
# Of a key: what has to be a number or text, if OpenRouter tells it at all. A limit that is neither is not "NO LIMIT".
NUMBERS = ("limit_remaining", "usage", "usage_daily", "usage_weekly", "usage_monthly")
TEXTS = ("label", "limit_reset", "last_used_at", "created_at", "expires_at")
NOT_KNOWN = "?"


def number(value: t.Any) -> float | None:
    """The value, if it is a number of a size that bytes, a count or USD can have; all else is as good as not known."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -1e18 < value < 1e18 else None


def told(value: t.Any) -> t.Any:
    """Values as they may be shown and written as JSON: texts of one line, and no number that is none."""
    return _numbers(all_shown(value))


def _numbers(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def unreadable(where: str) -> str:
    return f"what the look found cannot be read ({where})"


def some_of(values: t.Iterable[t.Any], most: int = 5) -> str:
    """The first of them, each cut short: nobody needs a thousand, and who made them would not mind."""
    texts = [shown(one, CELL) for one in values]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def found(seen: t.Any) -> dict[str, t.Any]:
    """What a look found, as it may be shown; nothing where it found nothing."""
    return told(seen) if isinstance(seen, dict) else {}


def account_keys(given: t.Any) -> list[Key]:
    """The keys that have a name: one without is nobody's here."""
    keys = given if isinstance(given, (list, tuple)) else []
    return [
        Key(shown_or_none(one.get("hash")) or "", one["name"], one)
        for one in keys
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    ]


def keys_of(given: t.Any, name: str) -> list[Key]:
    """Those that bear, are to bear or bore this name; what is no number or text where one belongs is not known."""
    return [_well_typed(key) for key in account_keys(given) if owner_of(key) == name]


def keys_shown(keys: t.Iterable[Key], name: str) -> list[dict[str, t.Any]]:
    """The keys whose name is ``name``, is to become it, or was it."""
    return [key.shown() for key in keys if owner_of(key) == name]


def unclaimed_keys(keys: t.Iterable[Values], known: t.Collection[str], prefix: str = "client-") -> list[str]:
    """Names of the keys that look like a client's, where none of the inventory's is called so."""
    owners = {key.name: owner_of(key) for key in account_keys(keys)}
    return [shown(name) for name in sorted(owners) if owners[name].startswith(prefix) and owners[name] not in known]


def _well_typed(key: Key) -> Key:
    fields = {name: number(key[name]) for name in NUMBERS}
    fields.update((name, shown_or_none(key[name])) for name in TEXTS)
    limit = number(key["limit"])
    fields["limit"] = NOT_KNOWN if limit is None and key["limit"] is not None else limit
    return Key(key.hash, key.name, {**key.data, **fields})


def amount(usd: t.Any) -> str:
    return "NO LIMIT" if usd is None else NOT_KNOWN if number(usd) is None else f"{usd:.2f}"


def own_container(seen: Values) -> Values:
    return next((one for one in seen["containers"] if one["managed"]), {})


def limit_difference(key: Key, carried: float, ordered: float | str | None) -> str:
    """How the key's limit is not what was ordered; ``carried`` is what was used on the key that it replaced."""
    if isinstance(ordered, str):
        return ""  # NOT_KNOWN
    wanted = limit_left(ordered, carried, key["limit"])
    if key["limit"] != wanted:
        return f"limit {amount(key['limit'])} instead of {amount(wanted)}"
    if wanted is not None and key["limit_reset"] != "monthly":
        return f"the limit is not monthly but {key['limit_reset'] or 'for good'}"
    return ""


def is_unhealthy(seen: Values) -> bool:
    """Whether Docker says so, whatever the instance answers: what routes by Docker's word sends nobody there."""
    return own_container(seen).get("health") == "unhealthy"


def has_url(connection: Values, url: str) -> bool:
    """By the hash of what is saved, which only a URL has that is shown whole: what is left out may be a secret."""
    if "url_hash" in connection and show_url(bare(url)) == bare(url):
        return connection["url_hash"] in hashes_of_url(url)
    return same_url(str(connection["url"]), show_url(url))
