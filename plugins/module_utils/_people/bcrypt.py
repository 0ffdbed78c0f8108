# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password as Open WebUI keeps it, made by the C library: Python itself has no bcrypt."""

from __future__ import annotations

import ctypes
import ctypes.util
import secrets

_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# Of 128 bits in letters of six, the last one carries two
_LAST = ".Oeu"
# What Open WebUI takes
_ROUNDS = 12


def hashed(password: str) -> str | None:
    """None where the machine's C library cannot."""
    salt = "".join(secrets.choice(_ALPHABET) for _letter in range(21)) + secrets.choice(_LAST)
    setting = f"$2b${_ROUNDS}${salt}"
    for name in (ctypes.util.find_library("crypt"), "libcrypt.so.1", "libcrypt.so.2", None):
        try:
            crypt = ctypes.CDLL(name).crypt
        except (OSError, AttributeError):
            continue
        crypt.restype, crypt.argtypes = ctypes.c_char_p, (ctypes.c_char_p, ctypes.c_char_p)
        made = (crypt(password.encode("utf-8"), setting.encode("ascii")) or b"").decode("ascii", "replace")
        if made.startswith(setting) and len(made) == 60:
            return made
    return None
