# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's data as it may be read by a program that knows nothing of hostile folders.

The folder is walked by a process confined to it. Every ordinary file in it gets a second name (a hard link) in a tree
that only root can enter, so that nobody can put a link, a pipe or another folder in the place of what is about to be
read. That costs neither room nor time. Where the data lie on a disk of their own, they are copied.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Refused, confined

# Made anew by the instance, or of no use after a restore; the database comes another way
DROPPED = ("cache", "audit.log", "webui.db", "webui.db-wal", "webui.db-shm", "webui.db-journal")
# What there was before a restore, where the data have a disk of their own
ASIDE = ".before-restore-"
DEEPEST = 60
LONGEST = 2000
MOST = 1000000
# A file of more than that, most of it holes, is read for hours and holds nothing
_SPARSE = 1024 * MIB
_SECONDS = 1800


def stage(data: str, target: str) -> dict[str, Any]:
    """Give everything worth keeping in data a second name in target, which is made; say how much that is."""
    os.mkdir(target, 0o700)
    free = os.statvfs(target)
    room = free.f_bavail * free.f_frsize - 64 * MIB
    return confined(
        f"the data {data}",
        _stage,
        room,
        folder=data,
        before=lambda: os.open(target, os.O_RDONLY | os.O_DIRECTORY),
        seconds=_SECONDS,
        largest_file=max(room, MIB),
    )


def _stage(target: int, room: int) -> dict[str, Any]:
    done = {"files": 0, "bytes": 0, "left_out": 0, "copied": 0}
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    _folder(here, target, "", 0, done, room)
    return done


def _folder(source: int, target: int, path: str, depth: int, done: dict[str, Any], room: int) -> None:
    for name in os.listdir(source):
        if depth == 0 and (name in DROPPED or name.startswith(ASIDE)):
            continue
        if done["files"] + done["left_out"] >= MOST:
            raise Refused(f"The instance's data hold more than {MOST} files, so they are not backed up.", "endless")
        # What the instance removed meanwhile needs no backup
        with suppress(FileNotFoundError):
            if (
                depth == DEEPEST
                or len(path) + len(name) > LONGEST
                or not _entry(source, target, name, f"{path}/{name}", depth, done, room)
            ):
                done["left_out"] += 1
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode) & 0o0777)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _entry(source: int, target: int, name: str, path: str, depth: int, done: dict[str, Any], room: int) -> bool:
    status = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=source)
        try:
            os.mkdir(name, 0o700, dir_fd=target)
            there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=target)
            try:
                _folder(below, there, path, depth + 1, done, room)
            finally:
                os.close(there)
        finally:
            os.close(below)
        return True
    if stat.S_ISLNK(status.st_mode):
        # A text, which nothing follows
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        return True
    if not stat.S_ISREG(status.st_mode):
        return False
    try:
        os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP):
            raise
        return _copied(source, target, name, done, room)
    # Something else may have come in its place a moment ago; from here on nothing can
    linked = os.stat(name, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISREG(linked.st_mode) or _mostly_holes(linked):
        os.unlink(name, dir_fd=target)
        return False
    done["files"] += 1
    done["bytes"] += linked.st_size
    return True


def _mostly_holes(status: os.stat_result) -> bool:
    return status.st_size > _SPARSE and status.st_blocks * 512 < status.st_size // 2


def _copied(source: int, target: int, name: str, done: dict[str, Any], room: int) -> bool:
    origin = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=source)
    with os.fdopen(origin, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or _mostly_holes(status):
            return False
        place = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=target)
        with os.fdopen(place, "wb") as copy:
            left = status.st_size
            # No further than it was long: it may grow as fast as it is read
            while left > 0:
                piece = file.read(min(left, MIB))
                if not piece:
                    break
                left -= len(piece)
                done["copied"] += len(piece)
                if done["copied"] > room:
                    raise Refused(
                        "The instance's data lie on a disk of their own and are copied for the backup, for which the "
                        "client's directory has no room: make room there.",
                        "full",
                    )
                copy.write(piece)
            copy.flush()
            os.fchown(copy.fileno(), status.st_uid, status.st_gid)
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode) & 0o0777)
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    done["files"] += 1
    done["bytes"] += status.st_size
    return True
