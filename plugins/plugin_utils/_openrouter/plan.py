# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done about one key: decided from what was observed, without doing anything.

This is private to the collection. Check mode, diff and the real run all come out of one plan.

A key is made under a provisional name, its secret is stored on the target, and only then is it given its real name.
So a key that bears a real name has its secret stored; a provisional key whose secret is stored is finished by
renaming it; any other provisional key that was never used is what an interrupted run left behind.

Such a left-over may still have its secret on the way: the command that stores it outlives the run that sent it. It
stores only if the file is as it was when its run looked, and no run makes a key while the file holds the secret of a
key that OpenRouter knows. So left-overs are deleted when the file holds such a secret, at the end of the plan: no
command that is late can then bring back the secret of a key that is gone.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .errors import DuplicateName, ForeignSecret, LostSecret, NotFound, NotPossible, ServerFailed, StoreRefused
from .keys import (
    SOON,
    Key,
    is_carried,
    is_pending,
    is_retired,
    is_unsaved,
    limit_left,
    parse_time,
    retired_name,
)
from .secret_store import Stored

# What a replacement takes over from the key that it replaces.
_INHERITED = ("limit", "limit_reset", "include_byok_in_limit", "workspace_id")


@dataclass(frozen=True)
class Desired:
    name: str | None
    hash: str | None = None
    state: str = "present"
    fields: t.Mapping[str, t.Any] = field(default_factory=dict)  # in OpenRouter's terms, only what is asked for
    expires_at: str | None = None
    lost_secret: str = "fail"
    rotate: bool = False
    commit: bool = True
    carry_usage: bool = False
    pending_max_age: int = 3600
    locked: bool = False


@dataclass(frozen=True)
class Action:
    """One step. A step without a key is about the key that the plan creates."""

    kind: str  # create, update, retire, commit, delete or repair
    key: Key | None = None
    changes: t.Mapping[str, t.Any] = field(default_factory=dict)
    why: str = ""

    def shown(self) -> dict[str, t.Any]:
        shown: dict[str, t.Any] = {"action": self.kind, "hash": self.key.hash if self.key else None, "why": self.why}
        if self.key:
            shown["name"] = self.key.name
        if self.changes:
            shown["changes"] = dict(self.changes)
        return shown


@dataclass(frozen=True)
class Plan:
    actions: t.Sequence[Action] = ()
    key: Key | None = None  # the key that will bear the name; None when it is created, or absent
    replaced: t.Sequence[str] = ()  # hashes of the keys of this name that were replaced, now or earlier
    pending_left: t.Sequence[Key] = ()
    warnings: t.Sequence[str] = ()

    @property
    def creates(self) -> bool:
        return any(action.kind == "create" for action in self.actions)


def plan(desired: Desired, keys: t.Sequence[Key], stored: Stored | None, now: datetime, nonce: str) -> Plan:
    """The steps, or the reason why there is no way (a typed error)."""
    if desired.hash:
        return _by_hash(desired, keys, now)
    named = [key for key in keys if key.name == desired.name]
    if len(named) > 1:
        raise DuplicateName(
            f"There are {len(named)} keys named {desired.name} at OpenRouter: {_listed(named)}. Delete or rename all"
            " but the one in use (its hash is the SHA-256 of the secret that the client holds), or name one by hash.",
            hashes=[key.hash for key in named],
        )
    current = named[0] if named else None
    pending = [key for key in keys if is_pending(key, desired.name or "")]
    if desired.state == "absent":
        return _absent(current, pending)
    if desired.state == "disabled":
        return _disabled(desired, current, pending)
    return _Present(desired, keys, current, pending, stored, now, nonce).plan()


def _by_hash(desired: Desired, keys: t.Sequence[Key], now: datetime) -> Plan:
    key = next((key for key in keys if key.hash == desired.hash), None)
    if desired.state == "absent":
        return Plan([Action("delete", key, why="state is absent")] if key else [])
    if key is None:
        raise NotFound(
            f"OpenRouter knows no key with the hash {desired.hash}. It was deleted, or the provisioning key belongs to"
            " another account. A key is created by name, never by hash."
        )
    wanted = dict(desired.fields)
    if desired.name:
        wanted["name"] = desired.name
    return Plan(_updates(desired, key, wanted), key, warnings=_expiry_warning(key, now))


def _absent(current: Key | None, pending: t.Sequence[Key]) -> Plan:
    actions = [Action("delete", current, why="state is absent")] if current else []
    for key in pending:
        if key.unused:
            actions.append(Action("delete", key, why="left behind by an interrupted run, never used"))
        elif not key.disabled:
            actions.append(Action("update", key, {"disabled": True}, "left behind by an interrupted run, has usage"))
    return Plan(actions, pending_left=[key for key in pending if not key.unused])


def _disabled(desired: Desired, current: Key | None, pending: t.Sequence[Key]) -> Plan:
    """Works without the client's host: every key that this client could hold is switched off."""
    if current is None and not pending:
        raise NotFound(
            f"There is no key named {desired.name} to disable. Nothing was changed. Check the name; a key that was"
            " deleted at OpenRouter cannot spend anything."
        )
    actions = _updates(desired, current, desired.fields) if current else []
    actions += [
        Action("update", key, {"disabled": True}, "provisional key of the same name")
        for key in pending
        if not key.disabled
    ]
    return Plan(actions, current or pending[0], pending_left=pending)


class _Present:
    def __init__(
        self,
        desired: Desired,
        keys: t.Sequence[Key],
        current: Key | None,
        pending: t.Sequence[Key],
        stored: Stored | None,
        now: datetime,
        nonce: str,
    ) -> None:
        self.desired = desired
        self.name = desired.name
        self.keys = keys
        self.current = current
        self.pending = pending
        self.stored = stored
        self.now = now
        self.nonce = nonce
        self.held = next((key for key in pending if stored and stored.holds(key.hash)), None)

    def plan(self) -> Plan:
        key, current, stored = self.current, self.current, self.stored
        replaced = [key.hash for key in self.keys if is_retired(key, self.name or "")]
        in_place = current is not None and (stored is None or stored.holds(current.hash))
        if self.desired.rotate and current is None and not self.held:
            raise NotFound(f"There is no key named {self.name} to rotate. Nothing was changed. Check the name.")
        if not self.desired.commit:
            key, actions = self._prepare()
            replaced += [current.hash] if current else []
        elif current and in_place and self.desired.rotate:
            key = None
            replaced.append(current.hash)
            actions = self._create(current, "rotation is asked for")
        elif current and in_place:
            actions = _updates(self.desired, current, self._fields(current))
        elif self.held:
            key = self.held
            actions = self._finish(self.held)
            replaced += [current.hash] if current else []
        elif stored and (current or stored.hash):
            self._check_replaceable(stored)
            key = None
            replaced += [old for old in (current and current.hash, stored.hash) if old]
            actions = self._create(current, "its secret is lost")
        else:
            actions = self._create(None, "there is no key of this name")
        if stored and key:
            actions = self._repair(stored, key) + actions
        swept, left = self._sweep()
        # Without a file the new secret is only in the run's hands: nothing that can fail may come after it.
        actions = swept + actions if stored is None else actions + swept
        return Plan(actions, key, replaced, left, self._warnings(key, left))

    def _prepare(self) -> tuple[Key | None, list[Action]]:
        """The first half of a rotation: a provisional key whose secret is stored beside the one in use."""
        if self.held:
            return self.held, []
        if self.stored:
            self._check_foreign(self.stored)
        create = self._create(self.current, "rotation is asked for")
        return None, [step for step in create if step.kind in ("create", "update")]

    def _fields(self, key: Key | None, former: Key | None = None) -> dict[str, t.Any]:
        """What is asked of a key that is there, or of a new one in place of a former."""
        fields = dict(self.desired.fields)
        if fields.get("limit") is not None:
            used = self._carried(former if self.desired.carry_usage else None)
            fields["limit"] = limit_left(fields["limit"], used, key["limit"] if key else None)
        return fields

    def _carried(self, former: Key | None) -> float:
        """What is taken off the limit: what is not known must not pass for nothing."""
        counted = [key for key in self.keys if is_carried(key, self.name or "")] + ([former] if former else [])
        unknown = [key for key in counted if key["usage_monthly"] is None]
        if unknown:
            raise ServerFailed(
                f"OpenRouter does not say what replaced keys of {self.name} used this month ({_listed(unknown)}), which"
                " counts towards its limit. Nothing was changed. Look at these keys at OpenRouter, then run again."
            )
        return sum(key["usage_monthly"] for key in counted)

    def _finish(self, held: Key) -> list[Action]:
        """The secret of a provisional key is stored: only its name is missing."""
        actions: list[Action] = []
        changes = held.differences(self._fields(held, self.current))
        if self.current:
            suspended = self.desired.fields.get("disabled", self.current.disabled)
            if suspended and not held.disabled:
                actions.append(_suspend(held))
                changes.pop("disabled", None)
            actions.append(self._retire(self.current))
        why = "its secret is stored: finishes what an interrupted run began"
        return [*actions, Action("commit", held, {"name": self.name, **changes}, why)]

    def _create(self, old: Key | None, why: str) -> list[Action]:
        """A new key; with an old one, a replacement that takes over what the task does not mention."""
        self._check_store()
        wanted: dict[str, t.Any] = {}
        if old:
            wanted = {name: old[name] for name in _INHERITED if old[name] is not None}
            wanted["disabled"] = old.disabled
            if old.expires and old.expires > self.now + SOON:
                wanted["expires_at"] = old["expires_at"]
        wanted.update(self._fields(None, old))
        if self.desired.expires_at:
            wanted["expires_at"] = self.desired.expires_at
        disabled = wanted.pop("disabled", False)
        actions = [Action("create", None, wanted, why)]
        if disabled:
            actions.append(_suspend(None))
        if old:
            actions.append(self._retire(old))
        return [*actions, Action("commit", None, {"name": self.name}, "its secret is stored")]

    def _retire(self, key: Key) -> Action:
        changes = {"name": retired_name(self.name or "", self.nonce, self.desired.carry_usage), "disabled": True}
        return Action("retire", key, changes, "replaced by a new key; kept for its usage")

    def _repair(self, stored: Stored, key: Key) -> list[Action]:
        faults = stored.to_repair(key.hash)
        if not faults:
            return []
        self._check_store()
        return [Action("repair", key, why=f"{stored.path} is not as asked: {', '.join(faults)}")]

    def _check_store(self) -> None:
        if self.stored and self.stored.obstacle:
            raise StoreRefused(
                f"The key's secret could not be stored: {self.stored.obstacle}. Nothing was created at OpenRouter."
            )

    def _check_replaceable(self, stored: Stored) -> None:
        """Neither the key of this name has its secret stored nor a provisional one: may a new one take its place?"""
        current = self.current
        self._check_foreign(stored)
        choice = self.desired.lost_secret
        if choice == "replace" or (choice == "replace_unused" and current and current.unused):
            return
        if current:
            what = f"it holds the secret of {stored.hash}" if stored.hash else "there is no secret in it"
            problem = (
                f"The key {current} exists at OpenRouter, but {stored.path} does not hold its secret ({what})."
                " OpenRouter shows a secret once, so it cannot be fetched again."
            )
        else:
            problem = (
                f"{stored.path} holds the secret of {stored.hash}, which OpenRouter does not know: that key was deleted"
                " at OpenRouter, or this provisioning key belongs to another account or workspace."
            )
        raise LostSecret(
            f"{problem} Either write its secret into that file, if somebody still has it, or have a new key made"
            " (onboard_client.yml with -e replace_lost_key=true; lost_secret=replace): the old key is then disabled,"
            " not deleted.",
            hash=current.hash if current else stored.hash,
            usage=current["usage"] if current else None,
        )

    def _check_foreign(self, stored: Stored) -> None:
        foreign = next((key for key in self.keys if stored.holds(key.hash)), None)
        if foreign:
            raise ForeignSecret(
                f"{stored.path} holds the secret of another key: {foreign}, not of {self.name}. Somebody renamed a key,"
                " or the path belongs to another client. Set the right secret_file or name, rename the key back, or"
                " remove the file if that key is not in use.",
                hash=foreign.hash,
            )

    def _sweep(self) -> tuple[list[Action], list[Key]]:
        """Other provisional keys of this name: delete what is surely garbage, report the rest.

        Without a look at the file, nobody knows that its secret is not in it.
        """
        swept: list[Action] = []
        left: list[Key] = []
        bound = self.now - timedelta(seconds=self.desired.pending_max_age)
        for key in self.pending:
            if key is self.held:
                continue
            old = self.desired.locked or (key.created is not None and key.created < bound)
            not_stored = self.stored is not None or is_unsaved(key, self.name or "")
            if key.unused and old and not_stored:
                swept.append(Action("delete", key, why="left behind by an interrupted run, never used"))
            else:
                left.append(key)
        return swept, left

    def _warnings(self, key: Key | None, left: t.Sequence[Key]) -> list[str]:
        used = [pending for pending in left if not pending.unused]
        warnings = _expiry_warning(key, self.now) if key else []
        if used:
            warnings.append(
                f"Provisional keys of {self.name} have usage and are left alone: {_listed(used)}. Find out who uses"
                " them, then delete them by hash."
            )
        return warnings


def _suspend(key: Key | None) -> Action:
    """Comes before the old key goes: if the run ends in between, the suspension is not forgotten."""
    return Action("update", key, {"disabled": True}, "the client is suspended")


def _updates(desired: Desired, key: Key, wanted: t.Mapping[str, t.Any]) -> list[Action]:
    if desired.expires_at and parse_time(desired.expires_at) != key.expires:
        raise NotPossible(
            f"The key {key} expires {key['expires_at'] or 'never'}, not {desired.expires_at}. OpenRouter cannot change"
            " the expiry of a key (it cannot be patched): rotate the key, or leave expires_at out.",
            hash=key.hash,
        )
    changes = key.differences(wanted)
    return [Action("update", key, changes, "differs from what is asked for")] if changes else []


def _expiry_warning(key: Key, now: datetime) -> list[str]:
    if key.expires is None or key.expires > now:
        return []
    return [f"The key {key} has expired at {key['expires_at']}. OpenRouter cannot extend it: rotate the key."]


def _listed(keys: t.Sequence[Key]) -> str:
    if len({key["workspace_id"] for key in keys}) > 1:
        return "; ".join(f"{key} in workspace {key['workspace_id']}" for key in keys)
    return "; ".join(str(key) for key in keys)
