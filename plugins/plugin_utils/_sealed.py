# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret between two tasks of one run: what is registered is sealed, and only processes of this run can open it.

This is private to the collection.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import multiprocessing

with contextlib.suppress(ImportError):  # ansible-core itself needs it
    from cryptography.fernet import Fernet, InvalidToken


def _box() -> Fernet:
    """By the random key that each ansible-playbook makes for its workers, in memory alone."""
    key = bytes(multiprocessing.current_process().authkey)
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"mai.clients" + key).digest()))


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Nothing where it is not of this run."""
    try:
        return _box().decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        return ""
