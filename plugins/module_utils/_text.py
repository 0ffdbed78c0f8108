# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that somebody else wrote, made fit to be shown: whatever it holds, it stays one line and forges none.

What an instance, its database, its log or OpenRouter says goes through here before it is part of any result.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.mai.clients.plugins.module_utils._secret import LOOKS_SECRET, MASK

LONGEST = 500
_DEEPEST = 8

# Control characters, line breaks, what turns the direction of text, what takes no room, and halves of characters.
# Not by Unicode's categories: each Python knows others, and both sides of a comparison have to come out alike.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return the value as text of one line: cut to a length, and every character in it is seen."""
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return _UNSEEN.sub(_picture, text)


def shown_or_none(value: Any, longest: int = LONGEST) -> str | None:
    """Return a text as it is shown; what is no text at all is nothing."""
    return shown(value, longest) if isinstance(value, str) else None


def all_shown(value: Any, longest: int = LONGEST, depth: int = 0) -> Any:
    """Return lists and mappings with every text in them as it is shown, down to a depth."""
    if isinstance(value, str):
        return shown(value, longest)
    if isinstance(value, (dict, list, tuple)) and depth == _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {shown(name): all_shown(one, longest, depth + 1) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [all_shown(one, longest, depth + 1) for one in value]
    return value


def show_url(url: Any) -> str:
    """Return scheme, host, port and path of a URL: the rest may be secret, and a field can hold a key by mistake."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port = f":{parts.port}" if parts.port else ""
        # An @ behind the host: what looks like the host is the beginning of a password with a slash in it.
        misread = "@" in parts.path + parts.query + parts.fragment
    except (ValueError, AttributeError, TypeError):
        return "not a URL"
    if parts.scheme not in ("http", "https") or not host or misread:
        return "not a URL"
    address = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"
    return shown(LOOKS_SECRET.sub(MASK, address))


def _picture(match: re.Match) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
