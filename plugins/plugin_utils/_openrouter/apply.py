# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply: one key, from what is asked for to what is true.

This is private to the collection.
"""

from __future__ import annotations

import secrets
import time
import typing as t
from datetime import datetime, timezone

from .client import MAX_WAIT, Client
from .errors import (
    CreateFailed,
    OpenRouterError,
    ServerFailed,
    StoreConflict,
    StoreRefused,
    StoreUnknown,
)
from .keys import Key, hash_of, pending_name
from .listing import Listing
from .plan import Action, Desired, Plan, plan
from .secret_store import SecretStore, Stored
from .values import told

# How long a fresh key may be missing in the list: seconds between the looks for it.
LOOKS = (0.0, 1.0, 2.0, 4.0)
ROUNDS = 4


def new_nonce() -> str:
    return secrets.token_hex(4)


class Reconciler:
    """Brings one key to what is desired."""

    def __init__(
        self,
        client: Client,
        desired: Desired,
        store: SecretStore | None = None,
        check_mode: bool = False,
        listing: Listing | None = None,
        now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        nonce: t.Callable[[], str] = new_nonce,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._desired = desired
        self._store = store
        self._check_mode = check_mode
        self._listing = listing
        self._workspace = desired.fields.get("workspace_id")
        self._now = now
        self._nonce = nonce
        self._clock = clock
        self._keys: t.Sequence[Key] = ()
        self._stored: Stored | None = None
        self._warnings: list[str] = []
        self.unfinished: str | None = None  # name of the provisional key that an interruption now would leave

    def run(self) -> dict[str, t.Any]:
        """The module's result. Whoever loses against another run looks again."""
        for _round in range(ROUNDS):
            try:
                return self._run_once()
            except StoreConflict as error:
                conflict = error
        raise conflict.add("That happened several times in a row. Run again when nothing else changes this client.")

    def _run_once(self) -> dict[str, t.Any]:
        steps = self._decide()
        final, secret = self._project(steps), None
        if steps.actions and not self._check_mode:
            try:
                final, secret = self._apply(steps)
            finally:
                if self._listing:
                    for workspace in dict.fromkeys([self._workspace, None]):
                        self._listing.forget(workspace)
        return self._result(steps, final, secret)

    def _decide(self) -> Plan:
        """From the play's listing what is harmless if that is a minute old; all else from a fresh one."""
        self._stored = self._store.observe() if self._store else None
        for fresh in (False, True) if self._listing and self._is_patient() else (True,):
            self._observe(fresh)
            try:
                steps = plan(self._desired, self._keys, self._stored, self._now(), self._nonce())
            except OpenRouterError:
                if fresh:
                    raise
            else:
                if fresh or all(step.kind == "update" for step in steps.actions):
                    return steps
        raise AssertionError("not reached")

    def _is_patient(self) -> bool:
        """Whether it does not matter what happened to the key in the last minute; to disable or enable it, it does."""
        desired = self._desired
        return (
            not desired.hash and desired.state == "present" and not desired.rotate and "disabled" not in desired.fields
        )

    def _observe(self, fresh: bool) -> None:
        if self._desired.hash:
            key = self._client.get_key(self._desired.hash)
            self._keys = [key] if key else []
            return
        self._keys = self._list(self._workspace, fresh)
        if self._workspace and self._desired.state != "absent" and not self._is_there():
            # It may be still to be moved, and what interrupted runs left of it is where it was.
            known = {key.hash for key in self._keys}
            self._keys = [*self._keys, *(key for key in self._list(None, fresh) if key.hash not in known)]
        held = self._stored.hash if self._stored else None
        if held and all(key.hash != held for key in self._keys):
            # A fresh key can be missing in the list, and a moved one is in another workspace's.
            key = self._client.get_key(held)
            self._keys = [*self._keys, key] if key else self._keys

    def _list(self, workspace: str | None, fresh: bool) -> t.Sequence[Key]:
        if self._listing:
            return self._listing.keys(workspace, fresh)
        return self._client.list_keys(workspace)

    def _is_there(self) -> bool:
        """Whether no other workspace need be looked into."""
        stored = self._stored
        return any(key.name == self._desired.name and (not stored or stored.holds(key.hash)) for key in self._keys)

    # Applying

    def _apply(self, steps: Plan) -> tuple[Key | None, str | None]:
        final, created, secret = steps.key, None, None
        # The provisional key that is to get its name: one that an interrupted run left, or the one made here
        new = final if any(step.kind == "commit" for step in steps.actions) else None
        for step in steps.actions:
            if step.kind == "create":
                created, secret = self._create(step)
                final = new = created
                continue
            subject = step.key or created
            if subject is None:
                raise AssertionError(f"a plan with no key to {step.kind}")
            if step.kind == "delete":
                self._client.delete_key(subject.hash)
            elif step.kind == "repair":
                self._repair(subject)
            else:
                updated = self._update(step, subject, new)
                final = updated if final and updated.hash == final.hash else final
                if step.kind == "commit":
                    self.unfinished = None
        if created and self._store is None:
            self._check_alone(created)
        self.unfinished = None
        return final, None if self._store else secret

    def _repair(self, key: Key) -> None:
        if self._store is None or self._stored is None:
            raise AssertionError("a plan to repair a file that was not looked at")
        self._store.repair(key.hash, self._stored.digest)

    def _check_alone(self, created: Key) -> None:
        """Without a file nothing decides between two runs: whoever sees the other's key gives way."""
        try:
            others = self._client.list_keys(self._workspace)
        except OpenRouterError:
            return  # the secret must not be lost for the sake of this check
        if any(key.name == self._desired.name and key.hash != created.hash for key in others):
            conflict = StoreConflict(f"Another run created a key named {self._desired.name} at the same time.")
            self._undo(created, conflict)
            raise conflict

    def _update(self, step: Action, subject: Key, new: Key | None) -> Key:
        try:
            return self._client.update_key(subject.hash, dict(step.changes))
        except OpenRouterError as error:
            if new is None:
                raise
            if self._store:
                raise error.add(
                    f"The new key's secret is stored on the target, but the key is still named {told(new.name)}:"
                    " run again, that finishes it."
                ) from None
            self._undo(new, error)
            raise

    def _create(self, step: Action) -> tuple[Key, str]:
        """Phase one: a key under a provisional name, its secret stored."""
        key, secret = self._create_provisional(step.changes)
        if self._store is None:
            return key, secret
        try:
            self._store.store(secret, key.hash, self._stored.digest if self._stored else None)
        except StoreRefused as error:
            self._undo(key, error)
            raise
        except StoreUnknown as error:
            raise error.add(
                f"The new key {key.hash} therefore keeps its provisional name {told(key.name)}. Run again: if its"
                " secret was stored, that run finishes it, else it is removed.",
                pending_left=[key.shown()],
            ) from None
        return key, secret

    def _undo(self, key: Key, error: OpenRouterError) -> None:
        """Remove a key of our own whose secret nobody will have."""
        try:
            self._client.delete_key(key.hash)
        except OpenRouterError as second:
            error.add(
                f"The new key {key.hash} ({told(key.name)}) could not be removed either ({second}) Running again"
                " removes it.",
                pending_left=[key.shown()],
            )
        else:
            error.add("The new key was removed again.")
            self.unfinished = None

    def _create_provisional(self, settings: t.Mapping[str, t.Any]) -> tuple[Key, str]:
        """POST is not repeatable: after a lost answer, what it may have made is looked for and removed first."""
        lost: list[str] = []  # names of keys that may exist all the same
        failure: OpenRouterError
        end = self._clock() + MAX_WAIT
        for attempt in range(2):
            name = pending_name(self._desired.name or "", self._nonce(), self._store is not None)
            self.unfinished = name
            try:
                key, secret = self._client.create_key({"name": name, **settings})
            except ServerFailed as error:
                failure = error
            except OpenRouterError as error:
                self.unfinished = None
                failure = error
                break
            else:
                if hash_of(secret) == key.hash:
                    if attempt:
                        self._warnings.append(f"The key was created in a second attempt. {failure}")
                    self._warnings += [_may_exist(old) for old in lost]
                    return key, secret
                failure = ServerFailed("OpenRouter returned a secret that does not belong to the key it described.")
            if not self._remove(name, settings.get("workspace_id"), failure, end):
                lost.append(name)
            if not attempt and not self._has_time(end):
                failure.add("There was no second attempt, after so long a time. Run again later.")
                break
        else:
            failure = CreateFailed(f"No key could be created, in two attempts: {failure}", failure.status)
        for name in lost:
            failure.add(_may_exist(name))
        raise failure

    def _has_time(self, end: float) -> bool:
        """Whether another attempt may begin."""
        return self._client.patient and self._clock() < end

    def _remove(self, name: str, workspace: str | None, failure: OpenRouterError, end: float) -> bool:
        """Delete what a create with a lost answer made. A fresh key may be missing in the list at first."""
        try:
            for pause in LOOKS:
                if pause and not self._has_time(end):
                    break
                self._client.sleep(pause)
                for key in self._client.list_keys(workspace):
                    if key.name == name:
                        self._client.delete_key(key.hash)
                        return True
        except OpenRouterError as error:
            raise CreateFailed(
                f"{failure} Nor could it be looked up whether the key was created: {error} {_may_exist(name)}",
                failure.status,
            ) from None
        return False

    # Showing

    def _project(self, steps: Plan) -> Key | None:
        """The key as it will be."""
        final = steps.key
        if steps.creates:
            final = Key("", self._desired.name or "", {"name": self._desired.name, "disabled": False})
        for step in steps.actions:
            mine = step.key is None or (final is not None and step.key.hash == final.hash)
            if final and mine and step.kind in ("create", "update", "commit"):
                final = final.changed(step.changes)
        return final

    def _result(self, steps: Plan, final: Key | None, secret: str | None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {
            "changed": bool(steps.actions),
            "key": final.shown() if final else None,
            "actions": [step.shown() for step in steps.actions],
            "replaced": list(steps.replaced),
            "pending_left": [key.shown() for key in steps.pending_left],
            "warnings": [*steps.warnings, *self._warnings],
        }
        if self._stored and final:
            result["secret_file"] = {"path": self._stored.path, "hash": final["hash"]}
        if secret:
            result["secret"] = secret
        result["diff"] = self._diff(steps, final)
        return result

    def _diff(self, steps: Plan, final: Key | None) -> dict[str, t.Any]:
        """The settings of every key concerned and whose secret the file holds; there is no secret in it."""
        before = {key.hash: key.settings() for key in self._keys if key.name == self._desired.name}
        before.update((key.hash, key.settings()) for key in (steps.key, *(step.key for step in steps.actions)) if key)
        after = dict(before)
        for step in steps.actions:
            if step.key and step.kind == "delete":
                del after[step.key.hash]
            elif step.key:
                after[step.key.hash] = {**after[step.key.hash], **step.changes}
        if steps.creates and final:
            after[final.hash or "new key"] = final.settings()
        shown: dict[str, dict[str, t.Any]] = {"before": {"keys": before}, "after": {"keys": after}}
        if self._stored and final:
            shown["before"]["secret_file"] = {"hash": self._stored.hash, "faults": list(self._stored.faults)}
            shown["after"]["secret_file"] = {"hash": final["hash"] or "of the new key", "faults": []}
        return shown


def _may_exist(name: str) -> str:
    return f"A provisional key {name} may exist; a later run removes it."
