# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OpenRouter answers, or what is in its place: as far as it can be understood, and without anything secret.

This is private to the collection.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._secret import MASK
from ansible_collections.mai.clients.plugins.module_utils._text import shown

# More than anybody spends in US dollars, or counts.
LARGEST = 1e15
# So many characters of a secret in a row give it away.
_TOO_MANY = 16
# What is looked through of a message, and what is shown of it.
_READ, _SHOWN = 2000, 300
# A key, also one that is cut short; whatever else is long enough to be secret; hexadecimal digits with space between.
_SECRET = re.compile(r"sk-or-[\w.*-]+|\b[\w-]{40,}|(?:[0-9a-f]\s*){40,}", re.ASCII | re.IGNORECASE)
_KEY = re.compile(r"sk-or-v1-[0-9a-f]{16,}")


def json_value(text: bytes | str) -> t.Any:
    """None for what is not JSON, too deep, or has halves of characters: nothing could write those again."""
    try:
        answer = json.loads(text)
        json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError, MemoryError):  # their text quotes what they did not like
        return None
    return answer


def json_object(text: bytes | str) -> dict[str, t.Any] | None:
    """None for what is no object, either."""
    answer = json_value(text)
    return answer if isinstance(answer, dict) else None


def number(value: t.Any, least: float = -LARGEST) -> float | None:
    """An amount or a count, if it is one that can be."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= LARGEST
    return value if usable else None


def told(text: str) -> str:
    """Name or label of a key as it is shown: anybody may have given it, and it may hold a key by mistake."""
    return shown(_KEY.sub(MASK, text))


def masked(text: str, secret: str, sent: str) -> str:
    """Words of OpenRouter's within a message, without anything that could be a secret.

    Hashes look like secrets without their prefix, so only those stay that were sent.
    """
    text = _without(text[:_READ], secret)
    text = _SECRET.sub(lambda match: match.group() if _is_hash_in(match.group(), sent) else MASK, text)
    return shown(" ".join(text.split()), _SHOWN)


def _is_hash_in(word: str, sent: str) -> bool:
    return bool(re.fullmatch("[0-9a-f]{64}", word)) and word in sent


def _without(text: str, secret: str) -> str:
    """Masks every run of the secret. It is printable ASCII, so all else between its characters tells nothing."""
    places = [place for place, char in enumerate(text) if "!" <= char <= "~"]
    read, secret = "".join(text[place] for place in places).lower(), secret.lower()
    length = min(_TOO_MANY, len(secret))
    hidden: set[int] = set()
    for start in range(len(read) - length + 1):
        if read[start : start + length] in secret:
            hidden.update(range(places[start], places[start + length - 1] + 1))
    return "".join(
        char if place not in hidden else "" if place - 1 in hidden else MASK for place, char in enumerate(text)
    )
