# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that Open WebUI keeps in its database, in both of its forms (reference: open-webui.md).

rows (0.10 and newer): a row per key, seeded from the environment at the first start, read at every request; from then
on the environment is ignored.
blob (0.6 to 0.9): one JSON document, read at start; what it does not hold comes from the environment. It is written
when an administrator saves something, and then it is the document in memory that is written, whatever the table holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from .database import Database
from .settings import is_true


def _list(plural: str, singular: str, default: str) -> Callable[[Mapping[str, str]], list[str]]:
    return lambda env: [part.strip() for part in (env.get(plural) or env.get(singular) or default).split(";")]


def _text(name: str, default: str = "") -> Callable[[Mapping[str, str]], str]:
    return lambda env: env.get(name, default)


def _bool(name: str, default: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda env: is_true(env.get(name, default))


def _json(name: str) -> Callable[[Mapping[str, str]], Any]:
    return lambda env: json.loads(env.get(name) or "{}")


FROM_ENVIRONMENT: dict[str, Callable[[Mapping[str, str]], Any]] = {
    "openai.enable": _bool("ENABLE_OPENAI_API", "true"),
    "openai.api_keys": _list("OPENAI_API_KEYS", "OPENAI_API_KEY", ""),
    "openai.api_base_urls": _list("OPENAI_API_BASE_URLS", "OPENAI_API_BASE_URL", "https://api.openai.com/v1"),
    "openai.api_configs": _json("OPENAI_API_CONFIGS"),
    "rag.openai.api_key": _text("RAG_OPENAI_API_KEY"),
    "webui.url": _text("WEBUI_URL"),
    "ui.enable_signup": _bool("ENABLE_SIGNUP", "true"),
    "ui.default_locale": _text("DEFAULT_LOCALE"),
    "ui.default_models": _text("DEFAULT_MODELS"),
    "ui.default_user_role": _text("DEFAULT_USER_ROLE", "pending"),
    "auth.jwt_expiry": _text("JWT_EXPIRES_IN", "4w"),
}


class RowSettings:
    """Table `config` with a row per key."""

    def __init__(self, database: Database, env: Mapping[str, str]) -> None:
        self._database = database
        with database.transaction() as transaction:
            known = {row["key"] for row in transaction.execute('SELECT "key" FROM config')}
            for key, read in FROM_ENVIRONMENT.items():
                if key not in known:
                    transaction.execute(
                        'INSERT INTO config ("key", value, updated_at) VALUES (?, ?, ?)',
                        key,
                        json.dumps(read(env)),
                        int(time.time()),
                    )

    def get(self, key: str) -> Any:
        rows = self._database.read('SELECT CAST(value AS TEXT) AS value FROM config WHERE "key" = ?', key)
        return json.loads(rows[0]["value"]) if rows else FROM_ENVIRONMENT[key]({})

    def save(self, changes: Mapping[str, Any]) -> None:
        with self._database.transaction() as transaction:
            for key, value in changes.items():
                transaction.execute(
                    'INSERT INTO config ("key", value, updated_at) VALUES (?, ?, ?) '
                    'ON CONFLICT ("key") DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at',
                    key,
                    json.dumps(value),
                    int(time.time()),
                )


class BlobSettings:
    """Table `config` with one JSON document."""

    def __init__(self, database: Database, env: Mapping[str, str]) -> None:
        self._database = database
        rows = database.read("SELECT CAST(data AS TEXT) AS data FROM config ORDER BY id DESC LIMIT 1")
        self._blob: dict[str, Any] = json.loads(rows[0]["data"]) if rows else {"version": 0, "ui": {}}
        self._values = {key: self._stored(key, read(env)) for key, read in FROM_ENVIRONMENT.items()}

    def _stored(self, key: str, default: Any) -> Any:
        value: Any = self._blob
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value

    def get(self, key: str) -> Any:
        return self._values[key]

    def save(self, changes: Mapping[str, Any]) -> None:
        for key, value in changes.items():
            self._values[key] = value
            *parents, last = key.split(".")
            place = self._blob
            for part in parents:
                place = place.setdefault(part, {})
            place[last] = value
        data, now = json.dumps(self._blob), datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        with self._database.transaction() as transaction:
            if transaction.execute("SELECT id FROM config"):
                transaction.execute("UPDATE config SET data = ?, updated_at = ?", data, now)
            else:
                transaction.execute("INSERT INTO config VALUES (1, ?, 0, ?, ?)", data, now, now)
