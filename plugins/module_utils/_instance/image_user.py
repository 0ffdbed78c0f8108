# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom an instance runs in its container, as an image, or a Compose file, says it: a user by number or by name."""

from __future__ import annotations

import re

_ROOT = ("", "0", "root")
_NUMBER = re.compile(r"[0-9]{1,10}")
# Linux keeps the last one for "nobody in particular"
_MOST = 2**32 - 2


def user_of(told: object) -> str | None:
    """The user of USER[:GROUP]; None where that is root."""
    user = str(told if told is not None else "").partition(":")[0].strip()
    return None if user in _ROOT else user


def number_of(user: str, accounts: str | None) -> int | None:
    """The user's number, by the lines of the image's own /etc/passwd; None where they do not tell."""
    if _NUMBER.fullmatch(user):
        return int(user) if int(user) <= _MOST else None
    for line in (accounts or "").splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] == user and _NUMBER.fullmatch(fields[2]) and int(fields[2]) <= _MOST:
            return int(fields[2])
    return None
