# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that Open WebUI saved in its table config, read from both of its forms.

Up to 0.9 the table holds one JSON blob, which a running instance has in memory and writes back at any save. From 0.10
it has a row for every setting, and each request reads them. Both are seen here as one tree of settings.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Iterable

from ansible_collections.mai.clients.plugins.module_utils._database_base import Database

TABLE = "config"
ROWS, BLOB, NONE = "rows", "blob", "none"
KEYS, URLS = "openai.api_keys", "openai.api_base_urls"


def texts(database: Database) -> tuple[str, dict[Any, str]]:
    """Return the form of the table, and the JSON text of each row by its "key"; of a blob by its "id"."""
    columns = database.columns(TABLE)
    if {"key", "value"} <= set(columns):
        form, order = ROWS, '"key", CAST("value" AS TEXT) AS "text" FROM "config" ORDER BY "key"'
    elif {"id", "data"} <= set(columns):
        # Open WebUI reads the newest row only.
        form, order = BLOB, '"id" AS "key", CAST("data" AS TEXT) AS "text" FROM "config" ORDER BY "id" DESC LIMIT 1'
    else:
        return NONE, {}
    rows = database.query(f"SELECT {order}")
    named = [row for row in rows if form == BLOB or isinstance(row["key"], str)]
    return form, {row["key"]: row["text"] for row in named if row["text"] is not None}


def parsed(rows: dict[Any, str]) -> dict[Any, Any]:
    """Return what each row says. What is no JSON was not written by Open WebUI, and is left out."""
    documents = {}
    for name, text in rows.items():
        with suppress(ValueError, RecursionError):
            documents[name] = json.loads(text)
    return documents


def tree(form: str, documents: dict[Any, Any]) -> Any:
    """Return all settings as one: in rows by their whole names, in a blob nested."""
    return documents if form == ROWS else next(iter(documents.values()), {})


class SavedSettings:
    """The settings of one instance: form, and the values by their dotted path."""

    def __init__(self, form: str, values: dict):
        self.form = form
        self._values = values

    @property
    def content(self) -> list:
        """What another process makes the same settings of."""
        return [self.form, self._values]

    def get(self, path: str) -> tuple:
        """The value in a tuple, which is empty where nothing is saved."""
        if self.form == ROWS:
            return (self._values[path],) if path in self._values else ()
        value: Any = self._values
        for part in path.split("."):
            if not isinstance(value, dict) or part not in value:
                return ()
            value = value[part]
        return (value,)

    def first(self, paths: Iterable[str]) -> tuple:
        """What is saved at the first of the paths at which anything is."""
        return next((found for found in map(self.get, paths) if found), ())

    def connections(self) -> list[tuple[str, str]]:
        """Address and key of every saved OpenAI-compatible connection."""
        urls, keys = self.first([URLS]), self.first([KEYS])
        if not (urls and keys and isinstance(urls[0], list) and isinstance(keys[0], list)):
            return []
        return [(str(url), str(key)) for url, key in zip(urls[0], keys[0])]


def read(database: Database) -> SavedSettings:
    form, rows = texts(database)
    settings = tree(form, parsed(rows))
    return SavedSettings(form, settings if isinstance(settings, dict) else {})
