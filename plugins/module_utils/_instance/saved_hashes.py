# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables an instance takes from its database and no longer from its environment, and what they say there."""

from __future__ import annotations

import json

from ansible_collections.mai.clients.plugins.module_utils._instance import saved_variables
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_settings import ROWS, SavedSettings
from ansible_collections.mai.clients.plugins.module_utils._secret import hash_of, sha256
from ansible_collections.mai.clients.plugins.module_utils._text import show_url


def saved_connections(settings: SavedSettings) -> dict:
    """The connections that Open WebUI keeps, whose key each of them has by its hash alone."""
    return {
        "form": settings.form,
        "connections": [
            {"url": show_url(address), "url_hash": _url_hash(address), "key_hash": hash_of(key)}
            for address, key in settings.connections()
        ],
    }


def _url_hash(address: str) -> str | None:
    """Only of a URL that is shown as it is: from a digest, a password that a person chose could be guessed."""
    return sha256(address) if show_url(address) == address else None


def saved_hashes(settings: SavedSettings, environment: dict[str, str]) -> dict[str, str]:
    """Digest of the value that counts, for every variable of the environment that it no longer decides.

    Where the saved value means the same as the environment's text, the digest is that of the text,
    so that comparing digests tells whether the environment is what the instance uses.
    """
    if environment.get("ENABLE_PERSISTENT_CONFIG", "true").lower() != "true":
        return {}
    oauth = environment.get("ENABLE_OAUTH_PERSISTENT_CONFIG", "false").lower() == "true"
    found = {}
    for name in sorted(saved_variables.NAMES.intersection(environment)):
        places = saved_variables.places(name)
        if settings.form == ROWS and not oauth and places[0].startswith("oauth."):
            continue
        for saved in settings.first(places):
            found[name] = sha256(environment[name] if _means(environment[name], saved) else _text(saved))
    return found


def _means(text: str, saved) -> bool:
    """Whether Open WebUI would have made this saved value of the environment's text."""
    if saved is None:
        return text == ""
    if isinstance(saved, bool):
        return (text.lower() == "true") == saved
    if isinstance(saved, str):
        return text == saved
    if isinstance(saved, list) and any(_separated(text, mark) == saved for mark in (";", ",")):
        return True
    try:
        return json.loads(text) == saved
    except (ValueError, RecursionError):
        return False


def _separated(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark)]


def _text(saved) -> str:
    if isinstance(saved, bool):
        return "true" if saved else "false"
    if isinstance(saved, str):
        return saved
    return "" if saved is None else json.dumps(saved, sort_keys=True, separators=(",", ":"))
