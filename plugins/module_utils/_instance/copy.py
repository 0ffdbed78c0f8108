# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of an instance's SQLite database, and its way back. The file alone is no copy: rows may be in its -wal."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress

_SPARE = 64 * 1024 * 1024


class CopyError(Exception):
    """What is wrong with the copy, and what to do."""


def size(database: str) -> int:
    """Bytes of the database with what is still in its log."""
    return sum(os.path.getsize(database + end) for end in ("", "-wal") if os.path.exists(database + end))


def make(database: str, copy: str) -> None:
    """Copy the database as it is committed, in one step; the copy appears whole or not at all."""
    needed = size(database) + _SPARE
    free = shutil.disk_usage(os.path.dirname(copy)).free
    if free < needed:
        raise CopyError(f"{copy} needs {needed} bytes and {free} are free. Free some space and run again.")
    partial = copy + ".partial"
    _remove(partial, partial + "-journal")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        check(partial)
        _sync(partial)
        os.replace(partial, copy)
    finally:
        _remove(partial, partial + "-journal")


def restore(copy: str, database: str) -> None:
    """Put the copy in the database's place, while the instance is stopped; the copy is kept."""
    check(copy)
    # Its owner is what counts: a database that is gone had the directory's
    old, partial = os.stat(database if os.path.exists(database) else os.path.dirname(database)), database + ".partial"
    try:
        _remove(partial)
        # Nobody else may read it for a moment either
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(copy, partial)
        os.chmod(partial, old.st_mode & 0o0666)
        os.chown(partial, old.st_uid, old.st_gid)
        _sync(partial)
        # Under a stale log the restored database would be damaged
        _remove(database + "-wal", database + "-shm")
        os.replace(partial, database)
    finally:
        _remove(partial)


def check(path: str) -> None:
    """Refuse a file that is not a whole database."""
    try:
        with closing(sqlite3.connect(path)) as database:
            whole = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    except sqlite3.Error:
        whole = False
    if not whole:
        raise CopyError(f"{path} is damaged: it does not pass SQLite's integrity check.")


def _remove(*paths: str) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            os.remove(path)


def _sync(path: str) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
