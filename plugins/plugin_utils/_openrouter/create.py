# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phase one of making a key: under a provisional name, its secret stored; and taking it back.

This is private to the collection. A creation cannot be repeated, and its answer, which alone has the secret, can be
lost: then what it may have made is looked for by its provisional name, and removed, before there is another attempt.
"""

from __future__ import annotations

import secrets
import time
import typing as t

from .client import MAX_WAIT, Client
from .errors import CreateFailed, OpenRouterError, ServerFailed, StoreRefused, StoreUnknown
from .keys import Key, hash_of, pending_name
from .secret_store import SecretStore, Stored
from .values import told

# How long a fresh key may be missing in the list: seconds between the looks for it.
LOOKS = (0.0, 1.0, 2.0, 4.0)


def new_nonce() -> str:
    return secrets.token_hex(4)


class Creation:
    """Makes keys for one name, and knows what an interruption now would leave."""

    def __init__(
        self,
        client: Client,
        name: str,
        store: SecretStore | None = None,
        nonce: t.Callable[[], str] = new_nonce,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._name = name
        self._nonce = nonce
        self._clock = clock
        self.store = store
        self.warnings: list[str] = []
        self.unfinished: str | None = None  # name of the key that an interruption now would leave

    def make(self, settings: t.Mapping[str, t.Any], stored: Stored | None) -> tuple[Key, str]:
        """The key and its secret, which is where it belongs by now, if there is such a place."""
        key, secret = self._provisional(settings)
        if self.store is None:
            return key, secret
        try:
            self.store.store(secret, key.hash, stored.digest if stored else None)
        except StoreRefused as error:
            self.undo(key, error)
            raise
        except StoreUnknown as error:
            raise error.add(
                f"The new key {key.hash} therefore keeps its provisional name {told(key.name)}. Run again: if its"
                " secret was stored, that run finishes it, else it is removed.",
                pending_left=[key.shown()],
            ) from None
        return key, secret

    def undo(self, key: Key, error: OpenRouterError) -> None:
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

    def _provisional(self, settings: t.Mapping[str, t.Any]) -> tuple[Key, str]:
        lost: list[str] = []  # names of keys that may exist all the same
        failure: OpenRouterError
        end = self._clock() + MAX_WAIT
        for attempt in range(2):
            name = pending_name(self._name, self._nonce(), self.store is not None)
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
                        self.warnings.append(f"The key was created in a second attempt. {failure}")
                    self.warnings += [_may_exist(old) for old in lost]
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


def _may_exist(name: str) -> str:
    return f"A provisional key {name} may exist; a later run removes it."
