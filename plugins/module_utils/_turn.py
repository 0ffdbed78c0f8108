# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time: a lock on a file or folder that is open, which ends with its process and leaves nothing behind."""

from __future__ import annotations

import fcntl
import time
from typing import Any

_PAUSE = 0.05


def take_turn(opened: Any, seconds: float) -> bool:
    """Whether it was this process's turn within the time; ``opened`` is a descriptor, or a file."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
