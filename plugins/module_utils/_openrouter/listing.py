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
import fcntl
import hashlib
import json
import os
import time
import typing as t

from .client import Client
from .errors import ServerFailed
from .keys import Key
from .values import json_object, number

MAX_AGE = 60.0
# How long one waits for another's listing. When OpenRouter fails, all shall find out side by side, not in turn.
PATIENCE = 10.0


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
        descriptor = os.open(self._path(workspace_id), os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
            if not _locked(file):
                return self._client.list_keys(workspace_id), True
            known = None if fresh else self._read(file)
            if known is not None:
                return known, False
            known = self._client.list_keys(workspace_id)
            _write(file, json.dumps({"time": self._clock(), "keys": [dict(key.data) for key in known]}))
            return known, True

    def forget(self, workspace_id: str | None) -> None:
        """Whoever is listing at this moment writes where nobody looks any more."""
        self._own.pop(workspace_id, None)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(workspace_id))

    def _read(self, file: t.IO[str]) -> list[Key] | None:
        """What cannot be read is no listing, and is written anew."""
        try:
            content = json_object(file.read()) or {}
            listed = number(content.get("time"), 0)
            if listed is None or not 0 <= self._clock() - listed < MAX_AGE:
                return None
            return [Key.from_api(data) for data in content["keys"]]
        except (ServerFailed, UnicodeDecodeError, KeyError, TypeError):
            return None

    def _path(self, workspace_id: str | None) -> str:
        account = json.dumps([self._client.identity, workspace_id])
        name = f"openrouter-keys-{hashlib.sha256(account.encode()).hexdigest()[:16]}.json"
        return os.path.join(self._directory, name)


def _locked(file: t.IO[str]) -> bool:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        else:
            return True


def _write(file: t.IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
