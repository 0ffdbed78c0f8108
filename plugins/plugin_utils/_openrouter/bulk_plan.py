# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done about many keys: decided from one listing of each workspace, without doing anything.

This is private to the collection. Each entry is planned as the single key of openrouter_key is.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .errors import OpenRouterError
from .keys import Key, owner_of
from .plan import Desired, Plan, plan

Listings = t.Mapping[t.Optional[str], t.Sequence[Key]]  # by workspace


@dataclass(frozen=True)
class Entry:
    """One of the keys that are asked for."""

    index: int
    desired: Desired
    ignore: t.Sequence[str] = ()  # what of an existing key is somebody else's to set

    @property
    def name(self) -> str:
        return self.desired.name or ""

    @property
    def workspace(self) -> str | None:
        return self.desired.fields.get("workspace_id")


@dataclass(frozen=True)
class Decided:
    """An entry, the keys made for its name, and what will be done: exactly one of the last two."""

    entry: Entry
    keys: t.Sequence[Key] = ()
    plan: Plan | None = None
    error: OpenRouterError | None = None


@dataclass(frozen=True)
class Left:
    key: Key
    why: str


@dataclass(frozen=True)
class Prune:
    """Keys that nobody asks for, as far as names tell."""

    doomed: t.Sequence[Key] = ()
    left: t.Sequence[Left] = ()


@dataclass(frozen=True)
class PruneRule:
    prefix: str
    used: bool = False  # whether keys with usage go, too
    pending_max_age: int = 3600


@dataclass(frozen=True)
class BulkPlan:
    decided: t.Sequence[Decided] = ()
    prune: Prune = field(default_factory=Prune)


def plan_keys(
    entries: t.Sequence[Entry],
    listings: Listings,
    hopeless: t.Mapping[int, OpenRouterError],
    rule: PruneRule | None,
    now: datetime,
    nonce: t.Callable[[], str],
) -> BulkPlan:
    """Hopeless are the entries, by index, whose keys could not be listed."""
    owned = {workspace: _by_owner(keys) for workspace, keys in listings.items()}
    possible = [entry for entry in entries if entry.index not in hopeless]
    elsewhere = {entry.index for entry in missing_in_theirs(possible, listings)}
    decided = []
    for entry in entries:
        if entry.index in hopeless:
            decided.append(Decided(entry, error=hopeless[entry.index]))
            continue
        keys = owned[entry.workspace].get(entry.name, [])
        if entry.index in elsewhere:
            known = {key.hash for key in keys}
            keys = [*keys, *(key for key in owned[None].get(entry.name, []) if key.hash not in known)]
        decided.append(_decide(entry, keys, now, nonce()))
    return BulkPlan(decided, _prune(entries, listings, rule, now) if rule else Prune())


def missing_in_theirs(entries: t.Iterable[Entry], listings: Listings) -> list[Entry]:
    """Whose keys may be in the default workspace, to be moved from there."""
    names = {workspace: {key.name for key in keys} for workspace, keys in listings.items()}
    return [
        entry
        for entry in entries
        if entry.workspace and entry.desired.state != "absent" and entry.name not in names[entry.workspace]
    ]


def _by_owner(keys: t.Iterable[Key]) -> dict[str, list[Key]]:
    owned: dict[str, list[Key]] = {}
    for key in keys:
        owned.setdefault(owner_of(key), []).append(key)
    return owned


def _decide(entry: Entry, keys: t.Sequence[Key], now: datetime, nonce: str) -> Decided:
    desired = entry.desired
    if entry.ignore and any(key.name == entry.name for key in keys):
        kept = {name: value for name, value in desired.fields.items() if name not in entry.ignore}
        expires_at = None if "expires_at" in entry.ignore else desired.expires_at
        entry = replace(entry, desired=replace(desired, fields=kept, expires_at=expires_at))
    try:
        return Decided(entry, keys, plan=plan(entry.desired, keys, None, now, nonce))
    except OpenRouterError as error:
        return Decided(entry, keys, error=error)


def _prune(entries: t.Sequence[Entry], listings: Listings, rule: PruneRule, now: datetime) -> Prune:
    """Whatever was made for a name in the list, its entry decides about; also about what was left behind or retired."""
    wanted = {entry.name for entry in entries}
    workspaces = dict.fromkeys(entry.workspace for entry in entries)
    listed = [key for workspace in workspaces for key in listings.get(workspace, [])]
    doomed: list[Key] = []
    left: list[Left] = []
    bound = now - timedelta(seconds=rule.pending_max_age)
    for key in {key.hash: key for key in listed}.values():  # a workspace with two names is listed twice
        owner = owner_of(key)
        if not key.name.startswith(rule.prefix) or owner in wanted:
            continue
        if not key.unused and not rule.used:
            left.append(Left(key, "has usage"))
        elif "~pending-" in key.name[len(owner) :] and not (key.created and key.created < bound):
            left.append(Left(key, "another run may be creating it"))
        else:
            doomed.append(key)
    return Prune(doomed, left)
