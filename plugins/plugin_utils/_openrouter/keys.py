# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OpenRouter key as a value, its provisional and retired names, and the one way it is shown.

This is private to the collection. What OpenRouter says of a key is checked here, once, and has the right type
everywhere else.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from ansible_collections.mai.clients.plugins.module_utils._text import LONGEST, shown

from .errors import ServerFailed
from .values import number, told

# What a key looks like in a result: always all of these, null where OpenRouter does not say.
FIELDS = (
    "hash",
    "name",
    "label",
    "disabled",
    "limit",
    "limit_remaining",
    "limit_reset",
    "include_byok_in_limit",
    "usage",
    "usage_daily",
    "usage_weekly",
    "usage_monthly",
    "byok_usage",
    "byok_usage_daily",
    "byok_usage_weekly",
    "byok_usage_monthly",
    "created_at",
    "updated_at",
    "last_used_at",
    "expires_at",
    "creator_user_id",
    "external_user",
    "workspace_id",
)
# What a task can ask for; the rest is OpenRouter's to say.
SETTINGS = ("name", "disabled", "limit", "limit_reset", "include_byok_in_limit", "expires_at", "workspace_id")
_AMOUNTS = tuple(name for name in FIELDS if "usage" in name)
# A key that expires so soon is rotated for that; nobody wants its expiry in the new one.
SOON = timedelta(days=7)
_MOMENT = "%Y-%m-%d %H:%M"
# Far longer than any name that is given to a key.
_LONGEST_NAME = 1000

_PROVISIONAL = re.compile(r" ~(pending|retired)-(unsaved-|carried-)?[0-9a-f]{6,}\Z")


def hash_of(secret: str) -> str:
    """The hash by which OpenRouter knows a key: the SHA-256 of its secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def pending_name(name: str, nonce: str, saved: bool) -> str:
    """Of a key whose secret is to be saved in a file, or not: whoever looks at the name must know where it could be."""
    return f"{name} ~pending-{'' if saved else 'unsaved-'}{nonce}"


def retired_name(name: str, nonce: str, carried: bool = False) -> str:
    """Of a key that was replaced; carried says that what it used this month counts towards its successor's limit."""
    return f"{name} ~retired-{'carried-' if carried else ''}{nonce}"


def is_pending(key: Key, name: str) -> bool:
    """Whether the key was made for this name and has not been given it yet."""
    return _role(key, name)[:1] == ("pending",)


def is_unsaved(key: Key, name: str) -> bool:
    """Whether it is such a key whose secret was never to be in a file."""
    return _role(key, name) == ("pending", "unsaved-")


def is_retired(key: Key, name: str) -> bool:
    """Whether the key bore this name until another took its place."""
    return _role(key, name)[:1] == ("retired",)


def is_carried(key: Key, name: str) -> bool:
    """Whether what such a key used this month counts towards the limit of the one in use."""
    return _role(key, name) == ("retired", "carried-")


def carried_usage(keys: t.Iterable[Key], name: str) -> float:
    """What replaced keys of this name used this month (USD), where that counts towards the limit of the one in use."""
    return sum(key["usage_monthly"] or 0.0 for key in keys if is_carried(key, name))


def limit_left(limit: float | None, used: float, now: float | None = None) -> float | None:
    """A monthly limit less what was used on another key; now is what the key has, which a cent more or less keeps."""
    if limit is None or not used:
        return limit
    left = max(round(limit - used, 2), 0.0)
    return now if now is not None and abs(now - left) < 0.015 else left


def _role(key: Key, name: str) -> tuple[str, ...]:
    match = _PROVISIONAL.match(key.name, len(name)) if key.name.startswith(name) else None
    return match.groups() if match else ()


def owner_of(key: Key) -> str:
    """The name that the key bears, is to bear, or bore until it was retired."""
    return _PROVISIONAL.sub("", key.name)


def has_provisional_form(name: str) -> bool:
    return bool(_PROVISIONAL.search(name))


def parse_time(text: t.Any) -> datetime | None:
    """ISO 8601 as OpenRouter writes it (with or without fractions, Z or an offset); None when it is not that."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


# Where null says something (no limit, never) or is what a new key would get, nothing else may pass for it: such a key
# could be taken for an unused one, or its successor be made without a limit.
_NOT_GUESSED: t.Mapping[str, t.Callable[[t.Any], bool]] = {
    "disabled": lambda value: isinstance(value, bool),
    "include_byok_in_limit": lambda value: value is None or isinstance(value, bool),
    "limit": lambda value: value is None or number(value, 0) is not None,
    "limit_reset": lambda value: value is None or _is_text(value),
    "expires_at": lambda value: value is None or (_is_text(value) and parse_time(value) is not None),
    "last_used_at": lambda value: value is None or _is_text(value),
    "workspace_id": lambda value: value is None or _is_text(value),
}


def _understood(name: str, value: t.Any) -> t.Any:
    """A field of a key, null where OpenRouter does not say what it should."""
    if name in _AMOUNTS:
        return number(value, 0)
    if name == "limit_remaining":
        return number(value)
    if isinstance(value, str):
        return told(value)
    return value if name in _NOT_GUESSED else None


@dataclass(frozen=True)
class Key:
    hash: str
    name: str
    data: t.Mapping[str, t.Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_api(cls, data: t.Any) -> Key:
        """Everything of a key that this collection knows, in the right types; its name as it is, whatever is in it."""
        given = data if isinstance(data, dict) else {}
        key_hash, name = given.get("hash"), given.get("name")
        if not isinstance(key_hash, str) or not re.fullmatch("[0-9a-f]{64}", key_hash):
            raise ServerFailed("OpenRouter described a key without its hash. Check base_url.")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            raise ServerFailed(f"OpenRouter described the key {key_hash} without its name. Check base_url.")
        for field_name, is_right in _NOT_GUESSED.items():
            if not is_right(given.get(field_name)):
                raise ServerFailed(
                    f"OpenRouter described the key {key_hash} ({told(name)}) with a {field_name} that cannot be"
                    " understood. Nothing is guessed about it: look at the key at OpenRouter, and check base_url."
                )
        known = {field_name: _understood(field_name, given.get(field_name)) for field_name in FIELDS}
        return cls(key_hash, name, {**known, "hash": key_hash, "name": name})

    def __getitem__(self, name: str) -> t.Any:
        return self.data.get(name)

    def changed(self, changes: t.Mapping[str, t.Any]) -> Key:
        data = {**self.data, **changes}
        return Key(self.hash, data["name"], data)

    @property
    def disabled(self) -> bool:
        return bool(self["disabled"])

    @property
    def unused(self) -> bool:
        """Nothing was ever spent with it. What is not known counts as used."""
        return self["usage"] == self["byok_usage"] == 0 and self["last_used_at"] is None

    @property
    def created(self) -> datetime | None:
        return parse_time(self["created_at"])

    @property
    def expires(self) -> datetime | None:
        return parse_time(self["expires_at"])

    def expiry(self, now: datetime) -> tuple[str, str]:
        """Whether it is "expired", expires "soon", or neither; and what to say of it."""
        if self.expires is None or self.expires > now + SOON:
            return "", ""
        if self.expires <= now:
            return (
                "expired",
                f"the key expired at {self.expires:{_MOMENT}} UTC, and every chat is refused: run rotate_key.yml",
            )
        return "soon", f"the key expires at {self.expires:{_MOMENT}} UTC: run rotate_key.yml before"

    def shown(self) -> dict[str, t.Any]:
        """For results: no secret is part of it."""
        return {name: self[name] for name in FIELDS}

    def settings(self) -> dict[str, t.Any]:
        """For diffs: what a task can ask for."""
        return {name: self[name] for name in SETTINGS}

    def differences(self, wanted: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return {name: value for name, value in wanted.items() if not _same(self[name], value)}

    def __str__(self) -> str:
        spent, created = number(self["usage"]), shown(self["created_at"] or "at an unknown time")
        usage = "unknown" if spent is None else f"{spent:g} USD"
        return f"{shown(self.hash)} ({told(self.name)}, created {created}, usage {usage})"


def _same(one: t.Any, other: t.Any) -> bool:
    numbers = (int, float)
    if isinstance(one, numbers) and isinstance(other, numbers) and not isinstance(one, bool):
        return abs(one - other) < 1e-9
    return one == other
