# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that are looked for, in every form that they may have after somebody passed them on."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse

# Any key of OpenRouter: also one that was made and lost, and that nobody could name
ANY_KEY = re.compile(r"sk-or-v1-[0-9a-f]{64}")
# As somebody who is not root: what lies in a closed directory is out of reach.
READABLE = (
    "{ find / -xdev -type d ! -perm -o=x -prune -o -type f -perm -o=r -newer MARK -exec cat {} +;"
    " journalctl --no-pager; cat /var/log/syslog 2>/dev/null; } | LC_ALL=C tr -cd '\\11\\12\\40-\\176'"
)


def forms(secret: str) -> set[str]:
    """A secret, and its longest word, as they may look after somebody passed them on."""
    return _forms(secret) | _forms(max(re.findall(r"[A-Za-z0-9]+", secret), key=len))


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = {base64.b64encode(b"x" * shift + raw).decode().rstrip("=")[4:-2] for shift in range(3)}
    quoted = {urllib.parse.quote(secret), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe="")}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {form for form in {secret, raw.hex(), secret[::-1]} | encoded | quoted | escaped if len(form) > 8}


def halves(secret: str) -> set[str]:
    """What is left of one that was cut in the middle, and each of them backwards; of short ones it says nothing."""
    middle = len(secret) // 2
    cut = {secret[:middle], secret[middle:]} if middle > 11 else set()
    return cut | {half[::-1] for half in cut}
