# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of the log lines that a result shows."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote, urlsplit

MASK = "***"
_LOOKS_SECRET = re.compile(r"sk-[A-Za-z0-9_-]{8,}|eyJ[\w-]+\.[\w-]+\.[\w-]+|(?<=://)[^/\s:@]*:[^/\s@]*(?=@)")
_NAMED_SECRET = re.compile(r"KEY|SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|DATABASE_URL|_DSN")
# Told to everybody who receives the hand-over, and needed to understand a log.
_PUBLIC = ("WEBUI_ADMIN_EMAIL", "WEBUI_ADMIN_NAME")
# Shorter values of variables that only sound secret ("true", "dev") would blot out half of every line.
_SHORTEST = 6


def secrets(files: list[dict[str, str]], environments: list[dict[str, str]]) -> set[str]:
    """Values never to be shown: all of our secret files, and what an environment calls a secret."""
    found = {value for variables in files for name, value in variables.items() if name not in _PUBLIC}
    for variables in environments:
        found.update(
            value for name, value in variables.items() if _NAMED_SECRET.search(name) and len(value) >= _SHORTEST
        )
    for value in list(found):
        found.update((json.dumps(value)[1:-1], repr(value)[1:-1]))
        if "://" in value:
            found.update(_password(value))
    return {value for value in found if value.strip()}


def mask(text: str, hidden: set[str]) -> str:
    # The longest first: one value may be a part of another.
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, MASK)
    return _LOOKS_SECRET.sub(MASK, text)


def _password(url: str) -> list[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []


def without_credentials(url: str) -> str:
    """An address without the user and password that it may carry."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)
