# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the farm keeps its files, and the lock that makes parallel test sessions take turns."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "hosts"
# One private engine per machine, whichever clone started it: two would fight over one bridge and its addresses.
# (Its socket could not lie in CACHE anyway: a socket's path may have 107 characters at most.)
RUNTIME = pathlib.Path("/run/mai-test-engine") if os.geteuid() == 0 else CACHE / "runtime"


class FarmError(Exception):
    """The farm cannot do what was asked; the message says what to do."""


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of that name: one process of this machine at a time."""
    RUNTIME.mkdir(parents=True, exist_ok=True)
    with open(RUNTIME / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
