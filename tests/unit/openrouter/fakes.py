# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenRouter and a target in memory: every outside step of a run can be watched, cut or held."""

from __future__ import annotations

import hashlib
import itertools
import json
import typing as t
from datetime import datetime, timedelta, timezone

import httpx
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import StoreConflict
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import SecretStore, Stored

PROVISIONING_KEY = "sk-or-prov-" + "f" * 52
NAME = "client-abc"
NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
PATH = "/opt/mai/api_key.env"

# A fault sees the request or the name of the store's step, and what would do it; it may do it, or not, or raise.
Fault = t.Callable[[t.Any, t.Callable[[], t.Any]], t.Any]


class Killed(BaseException):
    """The process is gone."""


def a_key(name: str, secret: str = "s", age: float = 60, **fields: t.Any) -> Key:
    data = {
        "hash": hashlib.sha256(secret.encode()).hexdigest(),
        "name": name,
        "disabled": False,
        "limit": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "usage": 0,
        "byok_usage": 0,
        "last_used_at": None,
        "expires_at": None,
        "created_at": (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.123Z"),
        "workspace_id": "default",
        **fields,
    }
    return Key(data["hash"], name, data)


class World:
    """One account, one target, and every step that touches either."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, t.Any]] = {}
        self.file: str | None = None  # the secret
        self.steps: list[str] = []
        self.writes: list[str] = []
        self.before_step: t.Callable[[str], None] = lambda step: None
        self.after_step: t.Callable[[str], None] = lambda step: None
        self.waits: list[float] = []
        self._serial = itertools.count(1)

    # What is done from outside

    def add(self, name: str, secret: str = "s", **fields: t.Any) -> dict[str, t.Any]:
        key = dict(a_key(name, secret, **fields).data)
        self.keys[key["hash"]] = key
        return key

    def named(self, name: str = NAME) -> list[dict[str, t.Any]]:
        return [key for key in self.keys.values() if key["name"] == name]

    def pending(self) -> list[dict[str, t.Any]]:
        return [key for key in self.keys.values() if "~pending-" in key["name"]]

    def file_hash(self) -> str | None:
        return hashlib.sha256(self.file.encode()).hexdigest() if self.file else None

    def step(self, name: str, effect: t.Callable[[], t.Any]) -> t.Any:
        self.before_step(name)
        self.steps.append(name)
        result = effect()
        self.after_step(name)
        return result

    # OpenRouter

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path.rsplit('/v1', 1)[1][:8]}"
        return self.step(name, lambda: self._answer(request))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {PROVISIONING_KEY}"
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.writes.append(request.method)
        if request.url.path.endswith("/keys"):
            if request.method == "POST":
                return self._create(body)
            offset = int(request.url.params.get("offset", 0))
            workspace = request.url.params.get("workspace_id", "default")
            newest_first = [key for key in reversed(self.keys.values()) if key["workspace_id"] == workspace]
            return httpx.Response(200, json={"data": newest_first[offset : offset + 100]})
        key_hash = request.url.path.rsplit("/", 1)[1]
        if key_hash not in self.keys:
            return httpx.Response(404, json={"error": {"code": 404, "message": "API key not found"}})
        if request.method == "DELETE":
            del self.keys[key_hash]
            return httpx.Response(200, json={"deleted": True})
        self.keys[key_hash].update(body)
        return httpx.Response(200, json={"data": self.keys[key_hash]})

    def _create(self, body: dict[str, t.Any]) -> httpx.Response:
        assert "disabled" not in body
        secret = f"sk-or-v1-{next(self._serial):064x}"
        key = self.add(body.pop("name"), secret, age=0, **body)
        return httpx.Response(201, json={"data": key, "key": secret})

    # One run

    def client(self, **options: t.Any) -> Client:
        options = {"transport": httpx.MockTransport(self.answer), "sleep": self.waits.append, **options}
        return Client(PROVISIONING_KEY, "https://openrouter.test/api/v1", **options)

    def run(self, stored: bool = True, check_mode: bool = False, **desired: t.Any) -> dict[str, t.Any]:
        desired = {"name": NAME, **desired}
        with self.client() as client:
            store = MemoryStore(self) if stored else None
            return Reconciler(client, Desired(**desired), store, check_mode, now=lambda: NOW).run()


class MemoryStore(SecretStore):
    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self) -> Stored:
        return self._world.step("observe", self._observe)

    def _observe(self) -> Stored:
        found = self._world.file_hash()
        return Stored(PATH, found, {"OPENAI_API_KEY": found} if found else {})

    def store(self, secret: str, key_hash: str, seen: str | None) -> None:
        def effect() -> None:
            if self._world.file_hash() != seen:
                raise StoreConflict("changed")
            self._world.file = secret

        assert hashlib.sha256(secret.encode()).hexdigest() == key_hash
        self._world.step("store", effect)

    def repair(self, key_hash: str, seen: str | None) -> None:
        raise AssertionError("nothing here is ever to repair")
