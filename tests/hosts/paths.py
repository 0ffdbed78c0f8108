# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the farm keeps its files, and the lock that makes parallel test sessions take turns."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import pathlib
from collections.abc import Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "hosts"
# Sockets live here and not under CACHE: the path of a socket may have 107 characters at most.
RUNTIME = pathlib.Path("/run") / f"mai-test-{hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]}"


class FarmError(Exception):
    """The farm cannot do what was asked; the message says what to do."""


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of that name: one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
