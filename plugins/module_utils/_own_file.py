# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the files of a client's directory: an ordinary file of bounded size, and never what a link leads to.

In the directory itself only this collection writes. Should anything else lie there once, no run waits for it (a pipe),
follows it (a link) or loads it (a disk full of it).
"""

from __future__ import annotations

import errno
import os
import stat

LARGEST = 4 * 1024 * 1024


def read(path: str, largest: int = LARGEST) -> bytes:
    """Return what is in the file; of a larger one, its end."""
    # Without O_NONBLOCK a pipe without a writer would never open
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", path)
        file.seek(max(status.st_size - largest, 0))
        return file.read(largest)


def read_text(path: str, largest: int = LARGEST) -> str | None:
    """Return the text in the file, and nothing where there is no such file."""
    try:
        return read(path, largest).decode("utf-8", "replace")
    except OSError:
        return None
