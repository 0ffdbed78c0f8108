# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that nobody reads before they are whole, and, unless it is said otherwise, only their owner ever reads."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

MODE = 0o600
DIRECTORY_MODE = 0o700


def write(path: str, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str, content: bytes, mode: int = MODE, group: int | None = None, owner: int = 0) -> None:
    """The file is there as it shall be, or as it was. Made by root, it gets the owner and group, if one is named."""
    directory, name = os.path.split(path)
    # mkstemp makes the file with mode 0600, whatever the umask.
    descriptor, temporary = tempfile.mkstemp(prefix="." + name + ".", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if group is not None and os.geteuid() == 0:
                os.fchown(stream.fileno(), owner, group)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove(path: str) -> None:
    """It is gone, if it was there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def is_private(path: str) -> bool:
    return stat.S_IMODE(os.stat(path).st_mode) == MODE
