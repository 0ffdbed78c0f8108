# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only their owner may ever read: from the first moment, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

MODE = 0o600
DIRECTORY_MODE = 0o700


def write(path: str, text: str) -> None:
    directory, name = os.path.split(path)
    # mkstemp makes the file with mode 0600, whatever the umask.
    descriptor, temporary = tempfile.mkstemp(prefix="." + name + ".", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
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


def is_private(path: str) -> bool:
    return stat.S_IMODE(os.stat(path).st_mode) == MODE
