# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Open WebUI remembers by itself: the settings and connections in table config, in both of its forms."""

from __future__ import annotations

import json

from ansible_collections.mai.clients.plugins.module_utils._database import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import persistent
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

ROWS, BLOB, NONE = "rows", "blob", "none"
_MISSING = object()


class Store:
    """The settings of one instance: form, and the values by their dotted path."""

    def __init__(self, form: str, values: dict):
        self.form = form
        self._values = values

    @property
    def content(self) -> list:
        """What another process makes the same store of."""
        return [self.form, self._values]

    def get(self, path: str):
        if self.form == ROWS:
            return self._values.get(path, _MISSING)
        value = self._values
        for part in path.split("."):
            if not isinstance(value, dict) or part not in value:
                return _MISSING
            value = value[part]
        return value

    def connections(self) -> list[tuple[str, str]]:
        """Address and key of every saved OpenAI-compatible connection."""
        urls, keys = (self.get(f"openai.api_{name}") for name in ("base_urls", "keys"))
        if not isinstance(urls, list) or not isinstance(keys, list):
            return []
        return [(str(url), str(key)) for url, key in zip(urls, keys)]

    def setting(self, name: str):
        """The stored value of an environment variable, or None where the environment still counts."""
        for path in persistent.places(name):
            value = self.get(path)
            if value is not _MISSING:
                return (value,)
        return None


def read(database: Database) -> Store:
    columns = database.columns("config")
    if {"key", "value"} <= columns.keys():
        rows = database.query('SELECT "key", CAST("value" AS TEXT) AS stored FROM config')
        return Store(ROWS, {row["key"]: _json(row["stored"]) for row in rows if isinstance(row["key"], str)})
    if "data" in columns:
        rows = database.query("SELECT CAST(data AS TEXT) AS stored FROM config ORDER BY id DESC LIMIT 1")
        value = _json(rows[0]["stored"]) if rows else {}
        return Store(BLOB, value if isinstance(value, dict) else {})
    return Store(NONE, {})


def setting_hashes(store: Store, environment: dict[str, str], names: list[str]) -> dict[str, str]:
    """Digest of the value that counts, for every variable that the environment no longer decides.

    Where the stored value means the same as the environment's text, the digest is that of the text,
    so that comparing digests tells whether the environment is what the instance uses.
    """
    if environment.get("ENABLE_PERSISTENT_CONFIG", "true").lower() != "true":
        return {}
    oauth = environment.get("ENABLE_OAUTH_PERSISTENT_CONFIG", "false").lower() == "true"
    found = {}
    for name in names:
        stored = store.setting(name)
        if stored is None or (store.form == ROWS and not oauth and persistent.places(name)[0].startswith("oauth.")):
            continue
        text = environment.get(name)
        found[name] = sha256(text if text is not None and _means(text, stored[0]) else _text(stored[0]))
    return found


def _means(text: str, stored) -> bool:
    """Whether Open WebUI would have made this stored value of the environment's text."""
    if stored is None:
        return text == ""
    if isinstance(stored, bool):
        return (text.lower() == "true") == stored
    if isinstance(stored, str):
        return text == stored
    if isinstance(stored, list) and any(_separated(text, mark) == stored for mark in (";", ",")):
        return True
    return _json(text) == stored


def _separated(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark)]


def _text(stored) -> str:
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, str):
        return stored
    return "" if stored is None else json.dumps(stored, sort_keys=True, separators=(",", ":"))


def _json(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
