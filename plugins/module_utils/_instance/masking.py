# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of the log lines that a result shows."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote, urlsplit

from ansible_collections.mai.clients.plugins.module_utils._secret import LOOKS_SECRET, MASK
from ansible_collections.mai.clients.plugins.module_utils._text import shown

_NAMED_SECRET = re.compile(
    r"KEY|SECRET|PASS|PWD|_PW$|TOKEN|CREDENTIAL|AUTH|ACCESS|PRIVATE|SALT|WEBHOOK|DATABASE_URL|_DSN", re.IGNORECASE
)
# Told to everybody who receives the hand-over, and needed to understand a log.
_PUBLIC = ("WEBUI_ADMIN_EMAIL", "WEBUI_ADMIN_NAME")
# Shorter values of variables that only sound secret ("true", "dev") would blot out half of every line.
_SHORTEST = 6
_TAIL = 20
_LONGEST_LINE = 500


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
    return LOOKS_SECRET.sub(MASK, text)


def tail(text: str, hidden: set[str]) -> list[str]:
    """The last lines of a log, as they may be shown."""
    return [shown(line, _LONGEST_LINE) for line in mask(text, hidden).split("\n")[-_TAIL - 1 :] if line][-_TAIL:]


def _password(url: str) -> list[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []
