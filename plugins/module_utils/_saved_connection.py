# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that Open WebUI keeps among its settings: whose keys they hold, and putting ours up to date."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterator

from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import saved_settings
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_settings import KEYS, ROWS, TABLE, URLS
from ansible_collections.mai.clients.plugins.module_utils._same_url import bare, hashes_of_url, same_url
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256, short
from ansible_collections.mai.clients.plugins.module_utils._text import show_url

# Deeper than any setting of Open WebUI; what is deeper yet is left alone.
_DEEPEST = 50

# The writings of JSON that are in use; SQLAlchemy's is the first.
_STYLES: tuple[dict[str, Any], ...] = (
    {},
    {"ensure_ascii": False},
    {"separators": (",", ":")},
    {"separators": (",", ":"), "ensure_ascii": False},
)


@dataclass(frozen=True, repr=False)
class Ours:
    """What the connection of ours is to hold, and how to know it: by the hashes of its keys, past and present."""

    key: str
    old_hashes: frozenset[str]
    url: str | None
    old_urls: frozenset[str]

    def kind(self, key: Any) -> str:
        if not isinstance(key, str) or not key:
            return "foreign"
        if key == self.key:
            return "current"
        return "old" if sha256(key) in self.old_hashes else "foreign"

    def has_url(self, url: Any) -> bool:
        return self.url is None or isinstance(url, str) and same_url(url, self.url)

    def had_url(self, url: Any) -> bool:
        if self.has_url(url) or not isinstance(url, str):
            return False
        return not self.old_urls.isdisjoint((bare(url), *hashes_of_url(url)))


@dataclass(frozen=True, repr=False)
class Change:
    """One setting that is replaced, under its dotted name."""

    path: str
    before: str
    after: str
    secret: bool

    def shown(self, value: str) -> str:
        return short(sha256(value)) if self.secret else show_url(value)


@dataclass(frozen=True, repr=False)
class Plan:
    form: str
    status: str
    connections: tuple[dict[str, Any], ...]
    changes: tuple[Change, ...]
    # The rows to write: their "key" (or "id") and their new JSON text.
    writes: dict[Any, str]


def make_plan(database: Database, ours: Ours) -> Plan:
    form, texts = saved_settings.texts(database)
    documents = saved_settings.parsed(texts)
    nodes = dict(_walk(saved_settings.tree(form, documents), ""))
    connections = tuple(_connections(nodes, ours))
    changes = tuple(_replace(nodes, ours))
    writes = {
        row: _dump_like(texts[row], document)
        for row, document in documents.items()
        if json.dumps(document) != json.dumps(json.loads(texts[row]))
    }
    return Plan(form, _status(nodes, connections, changes, ours), connections, changes, writes)


def apply(database: Database, plan: Plan) -> None:
    name, content = ("key", "value") if plan.form == ROWS else ("id", "data")
    for row, text in plan.writes.items():
        database.execute(f'UPDATE "{TABLE}" SET "{content}" = ? WHERE "{name}" = ?', text, row)


def lock(database: Database) -> None:
    """Keep the instance from saving its settings between the look and the change."""
    if database.columns(TABLE):
        database.lock(TABLE)


def _walk(container: Any, prefix: str, depth: int = 0) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the dotted name of each setting, and where it stands: its container and its index in that."""
    if depth == _DEEPEST:
        return
    if isinstance(container, dict):
        items = list(container.items())
    else:
        items = list(enumerate(container)) if isinstance(container, list) else []
    for index, value in items:
        path = f"{prefix}.{index}" if prefix else str(index)
        yield path, (container, index)
        yield from _walk(value, path, depth + 1)


def _value(nodes: dict[str, tuple[Any, Any]], path: str) -> Any:
    if path not in nodes:
        return None
    container, index = nodes[path]
    return container[index]


def _connections(nodes: dict[str, tuple[Any, Any]], ours: Ours) -> Iterator[dict[str, Any]]:
    keys = _value(nodes, KEYS)
    for index, key in enumerate(keys if isinstance(keys, list) else []):
        yield {
            "url": show_url(_value(nodes, f"{URLS}.{index}")),
            "key_hash": sha256(key) if isinstance(key, str) and key else None,
            "ours": ours.kind(key),
        }


def _replace(nodes: dict[str, tuple[Any, Any]], ours: Ours) -> Iterator[Change]:
    """Put our new key in the place of our old ones wherever they are, and our new URL beside a key of ours."""
    for path, (container, index) in nodes.items():
        kind = ours.kind(container[index])
        if kind == "foreign":
            continue
        if kind == "old":
            yield Change(path, container[index], ours.key, secret=True)
            container[index] = ours.key
        url_path = _url_beside(path)
        url = _value(nodes, url_path)
        if ours.url is not None and ours.had_url(url):
            yield Change(url_path, url, ours.url, secret=False)
            url_container, url_index = nodes[url_path]
            url_container[url_index] = ours.url


def _url_beside(path: str) -> str:
    if path.startswith(KEYS + "."):
        return URLS + path[len(KEYS) :]
    # rag.openai.api_key and the like hold copies that Open WebUI made at its first start.
    return path[: -len("api_key")] + "api_base_url" if path.endswith(".api_key") else ""


def _status(
    nodes: dict[str, tuple[Any, Any]],
    connections: tuple[dict[str, Any], ...],
    changes: tuple[Change, ...],
    ours: Ours,
) -> str:
    if KEYS not in nodes:
        return "not_stored"
    mine = [index for index, connection in enumerate(connections) if connection["ours"] != "foreign"]
    if not mine:
        return "foreign" if any(connection["key_hash"] for connection in connections) else "missing"
    if not any(ours.has_url(_value(nodes, f"{URLS}.{index}")) for index in mine):
        return "url_differs"
    return "replaced" if changes else "current"


def _dump_like(text: str, document: Any) -> str:
    """Return the document in the writing of the text, so that only what was replaced differs."""
    original = json.loads(text)
    style = next((style for style in _STYLES if json.dumps(original, **style) == text), _STYLES[0])
    return json.dumps(document, **style)
