# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of an instance's SQLite database, and its way back. The file alone is no copy: rows may be in its -wal.

What is copied is whatever the instance put there: whoever reads it, and whoever writes into the instance's folder, is
confined there. The file on the other side is opened before, where only root can have put anything.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import stat
from contextlib import closing, suppress

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Refused, confined
from ansible_collections.mai.clients.plugins.module_utils._database_sqlite import check_files, connection
from ansible_collections.mai.clients.plugins.module_utils._instance import private_file

_SPARE = 64 * MIB
_BUSY = 30


class CopyError(Refused):
    """What is wrong with the copy, and what to do."""

    def __init__(self, message: str, reason: str = "refused") -> None:
        super().__init__(message, reason)


def size(database: str) -> int:
    """Bytes of the database with what is still in its log."""
    total = 0
    for end in ("", "-wal"):
        with suppress(FileNotFoundError):
            total += os.lstat(database + end).st_size
    return total


def make(database: str, copy: str) -> None:
    """Copy the database as it is committed, in one step; the copy appears whole or not at all."""
    needed = size(database) + _SPARE
    free = shutil.disk_usage(os.path.dirname(copy)).free
    if free < needed:
        raise CopyError(f"{copy} needs {needed} bytes and {free} are free. Free some space and run again.", "full")
    partial = copy + ".partial"
    private_file.remove(partial)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        folder, file = os.path.split(os.path.abspath(database))
        confined(
            f"the database {database}",
            _back_up,
            file,
            f"the database {database}",
            folder=folder,
            before=lambda: _target(partial),
            seconds=_seconds(needed),
            largest_file=needed,
        )
        _end_log_mode(partial)
        check(partial)
        os.replace(partial, copy)
    finally:
        private_file.remove(partial)


def _target(path: str) -> sqlite3.Connection:
    """To be written to by its descriptor only: from within the instance's folder its name means nothing."""
    target = sqlite3.connect(path, isolation_level=None)
    target.execute("PRAGMA locking_mode=EXCLUSIVE")
    target.execute("PRAGMA journal_mode=OFF")
    return target


def _back_up(target: sqlite3.Connection, file: str, name: str) -> None:
    check_files(file, name)
    try:
        with closing(connection(file, "rw", _BUSY)) as source:
            # In pieces, so that somebody who keeps on writing is noticed by the deadline
            source.backup(target, pages=10_000)
        target.close()
    except sqlite3.Error as error:
        raise CopyError(
            f"{name[0].upper()}{name[1:]} cannot be copied: it is damaged, or in use all the time "
            f"({type(error).__name__}).",
            "damaged",
        ) from None


def _end_log_mode(path: str) -> None:
    """Mark the copy as one without a log, as PRAGMA journal_mode=DELETE does: bytes 18 and 19 of an SQLite file."""
    with open(path, "rb+") as file:
        if file.read(16) == b"SQLite format 3\0":
            file.seek(18)
            file.write(b"\1\1")
        file.flush()
        os.fsync(file.fileno())


def restore(copy: str, database: str) -> None:
    """Put the copy in the database's place, while the instance is stopped; the copy is kept."""
    check(copy)
    folder, file = os.path.split(os.path.abspath(database))
    bytes_ = os.lstat(copy).st_size
    confined(
        f"the database {database}",
        _put_in_place,
        file,
        folder=folder,
        before=lambda: os.open(copy, os.O_RDONLY | os.O_NOFOLLOW),
        seconds=_seconds(bytes_),
        largest_file=bytes_ + MIB,
    )


def _put_in_place(source: int, file: str) -> None:
    # Its owner is what counts: a database that is gone, or was no file, had the directory's
    old = os.lstat(file) if os.path.lexists(file) else os.stat(".")
    if not stat.S_ISREG(old.st_mode):
        old = os.stat(".")
    # A name that nothing can lie in the way of, and nobody else may read it for a moment either
    partial = f"{file}.{secrets.token_hex(8)}.partial"
    target = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(source, "rb") as content, os.fdopen(target, "wb") as place:
            shutil.copyfileobj(content, place, MIB)
            place.flush()
            os.fchmod(place.fileno(), old.st_mode & 0o0666 | 0o600)
            os.fchown(place.fileno(), old.st_uid, old.st_gid)
            os.fsync(place.fileno())
        # Under a stale log the restored database would be damaged
        for end in ("-wal", "-shm", "-journal"):
            _clear(file + end)
        if os.path.isdir(file):
            _clear(file)
        os.replace(partial, file)
    finally:
        private_file.remove(partial)


def _clear(name: str) -> None:
    """Remove what lies there; a directory, which no instance has there, is put aside."""
    try:
        os.remove(name)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        os.rename(name, f"{name}.{secrets.token_hex(8)}.aside")


def check(path: str) -> None:
    """Refuse a file that is not a whole database."""
    folder, file = os.path.split(os.path.abspath(path))
    whole = confined(
        f"the copy {path}", _is_whole, file, f"the copy {path}", folder=folder, seconds=_seconds(size(path))
    )
    if not whole:
        raise CopyError(f"{path} is damaged: it does not pass SQLite's integrity check.", "damaged")


def _is_whole(file: str, name: str) -> bool:
    check_files(file, name)
    try:
        with closing(connection(file, "ro&immutable=1", _BUSY)) as database:
            return database.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    except sqlite3.Error:
        return False


def _seconds(number: int) -> float:
    """How long that many bytes may take on a slow disk."""
    return 60 + number / (2 * MIB)
