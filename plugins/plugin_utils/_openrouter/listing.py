# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One listing of the keys for a whole play.

This is private to the collection. Every host and task of a play is a process of its own; what they share is a
directory that lives as long as ansible-playbook. The first one lists while the others wait for it. The listing is
forgotten after a minute, and whenever one of them changed something.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._turn import take_turn

from .client import Client
from .errors import NotOpenRouter, OpenRouterError, ServerFailed, Unreachable
from .keys import Key
from .values import json_object, number

MAX_AGE = 60.0
# How long one waits for another's listing. When OpenRouter fails, all shall find out side by side, not in turn.
PATIENCE = 10.0


class Known(OpenRouterError):
    """What another task of the play learned, after all its attempts: that OpenRouter does not answer."""

    def __init__(self, failure: dict[str, t.Any]) -> None:
        super().__init__(failure["message"], failure["status"])
        self.code = failure["code"]


class Listing:
    def __init__(self, client: Client, directory: str, clock: t.Callable[[], float] = time.time) -> None:
        self._client = client
        self._directory = directory
        self._clock = clock
        self._own: dict[str | None, list[Key]] = {}

    def keys(self, workspace_id: str | None, fresh: bool) -> list[Key]:
        """From whoever listed last, or fresh: then it is this task's own, until that task changes something."""
        if workspace_id not in self._own:
            known, own = self._keys(workspace_id, fresh)
            if not own:
                return known
            self._own[workspace_id] = known
        return self._own[workspace_id]

    def _keys(self, workspace_id: str | None, fresh: bool) -> tuple[list[Key], bool]:
        """The keys, and whether they were listed now."""

        def ask() -> list[dict[str, t.Any]]:
            return [dict(key.data) for key in self._client.list_keys(workspace_id)]

        return _shared(self._path(workspace_id), self._clock, fresh, ask, _as_keys)

    def forget(self, workspace_id: str | None) -> None:
        """Whoever is listing at this moment writes where nobody looks any more."""
        self._own.pop(workspace_id, None)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(workspace_id))

    def _path(self, workspace_id: str | None) -> str:
        return _place(self._directory, "keys", self._client, workspace_id)


class SharedCredit:
    """What is known of the account, asked once for a whole play."""

    def __init__(self, client: Client, directory: str, clock: t.Callable[[], float] = time.time) -> None:
        self._path = _place(directory, "account", client, None)
        self._clock = clock

    def get(self, ask: t.Callable[[], dict[str, t.Any]]) -> dict[str, t.Any]:
        return _shared(self._path, self._clock, False, ask, lambda answer: {"credits": {**answer["credits"]}})[0]


def _as_keys(answer: t.Any) -> list[Key]:
    return [Key.from_api(data) for data in answer]


def _place(directory: str, what: str, client: Client, workspace_id: str | None) -> str:
    account = json.dumps([client.identity, workspace_id])
    return os.path.join(directory, f"openrouter-{what}-{hashlib.sha256(account.encode()).hexdigest()[:16]}.json")


def _shared(
    path: str,
    clock: t.Callable[[], float],
    fresh: bool,
    ask: t.Callable[[], t.Any],
    parse: t.Callable[[t.Any], t.Any],
) -> tuple[t.Any, bool]:
    """An answer from the file of whoever asked last, or asked for now; and whether it was."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        if not take_turn(file, PATIENCE):
            return parse(ask()), True
        known = None if fresh else _read(file, clock, parse)
        if known is not None:
            return known, False
        try:
            answer = ask()
        except (ServerFailed, Unreachable, NotOpenRouter) as error:
            failure = {"code": error.code, "status": error.status, "message": str(error)}
            _write(file, json.dumps({"time": clock(), "failure": failure}))
            raise
        _write(file, json.dumps({"time": clock(), "answer": answer}))
        return parse(answer), True


def _read(file: t.IO[str], clock: t.Callable[[], float], parse: t.Callable[[t.Any], t.Any]) -> t.Any:
    """What cannot be read is no answer, and is written anew."""
    try:
        content = json_object(file.read()) or {}
        asked = number(content.get("time"), 0)
        if asked is None or not 0 <= clock() - asked < MAX_AGE:
            return None
        if "failure" in content:
            raise Known(content["failure"])
        return parse(content["answer"])
    except (ServerFailed, UnicodeDecodeError, KeyError, TypeError):
        return None


def _write(file: t.IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
