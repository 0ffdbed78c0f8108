# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's SQLite file, opened by whoever has made its folder the current one, and is confined to it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from ansible_collections.mai.clients.plugins.module_utils._database_base import (
    Database,
    DatabaseError,
    constraint_error,
)

# A journal that ends so names a file that whoever rolls it back deletes; only several databases in one transaction
# need that, and an instance has one.
_SUPER_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


class _SQLite(Database):
    kind = "sqlite"
    driver_error = sqlite3.Error
    _columns_sql = "SELECT name, type FROM pragma_table_info(?)"
    _computed_sql = (
        "SELECT 1 FROM sqlite_master WHERE name = ? COLLATE NOCASE AND (type = 'view' OR type = 'table' "
        "AND sql LIKE 'create virtual%')"
    )

    def _run(self, sql: str, values: tuple[Any, ...]) -> Any:
        return self.connection.execute(sql, values)

    def translate(self, error: Exception) -> DatabaseError:
        text = str(error)
        if "locked" in text:
            return DatabaseError(
                f"{self.name} is locked: another program has been writing to it all the time that "
                "this run waited. See what uses the file (fuser), or raise wait_timeout, and run again.",
                "locked",
            )
        if "readonly" in text or "read-only" in text:
            return DatabaseError(
                f"{self.name} is read-only. Run with become as root, and check that the file system is "
                "mounted writable and that the file's owner and mode are the instance's.",
                "readonly",
            )
        if "not a database" in text or "malformed" in text:
            return DatabaseError(
                f"{self.name} is not an SQLite database or it is damaged. Check the path; if it is right, "
                "restore the last backup.",
                "damaged",
            )
        if "unable to open" in text:
            return DatabaseError(
                f"{self.name} cannot be opened. Run with become as root; its directory must be writable "
                "too, because SQLite keeps its journal there.",
                "unreachable",
            )
        if "is full" in text:
            return DatabaseError(f"There is no space left for {self.name}. Free some space and run again.", "full")
        constraint = re.match(r"(UNIQUE|NOT NULL|FOREIGN KEY) constraint failed(: [\w., ]+)?\Z", text)
        if constraint:
            return constraint_error(self.name, constraint.group())
        kind = getattr(error, "sqlite_errorname", type(error).__name__)
        return DatabaseError(
            f"SQLite refused a statement on {self.name} ({kind}). Check the file with sqlite3's PRAGMA "
            "integrity_check and the shape of its tables.",
            "refused",
        )


def open_sqlite(file: str, name: str, readonly: bool, wait_timeout: float) -> Database:
    check_files(file, name)
    database = _SQLite(None, name)
    try:
        if not readonly:
            database.connection = connection(file, "rw", wait_timeout)
            database.execute("BEGIN IMMEDIATE")
            return database
        try:
            database.connection = connection(file, "ro&immutable=1" if _rests(file) else "ro", wait_timeout)
            _begin_reading(database)
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
            # A program that was killed left its transaction in the journal: whoever opens the file next, be it only
            # for reading, has to undo that first, and must be allowed to.
            database.connection.close()
            database.connection = connection(file, "rw", wait_timeout)
            database.execute("PRAGMA query_only=ON")
            _begin_reading(database)
    except sqlite3.Error as error:
        if database.connection:
            database.connection.close()
        raise database.translate(error) from None
    return database


def _rests(file: str) -> bool:
    """Whether it is a database with a log that nobody has open: a reader needs none, and would leave an empty one."""
    if os.path.lexists(file + "-wal") or os.path.lexists(file + "-journal"):
        return False
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # The version that a file is read and written by: 1 has a journal, 2 a log
        return os.pread(descriptor, 2, 18) == b"\2\2"
    finally:
        os.close(descriptor)


def check_files(file: str, name: str) -> None:
    """Refuse a database in the current directory that is, or whose journals are, anything but files of its own."""
    for end in ("", "-journal", "-wal", "-shm"):
        try:
            status = os.lstat(file + end)
        except FileNotFoundError:
            if end:
                continue
            raise DatabaseError(
                f"There is no {name[4:]}. The instance creates it at its first start: start the "
                "instance, wait until it is healthy, and run again; or correct the path.",
                "missing",
            ) from None
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            what = "a link" if stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode) else "no ordinary file"
            raise DatabaseError(
                f"{name}{end} is not the instance's own file: it is {what}. No run follows it. See who put it there, "
                "and put the database back in its place.",
                "foreign",
            )
    with suppress(FileNotFoundError):
        descriptor = os.open(file + "-journal", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as journal:
            length = os.fstat(journal.fileno()).st_size
            journal.seek(max(length - len(_SUPER_JOURNAL), 0))
            if journal.read() == _SUPER_JOURNAL:
                raise DatabaseError(
                    f"{name}-journal names another file to be deleted, which no instance writes: it was planted. "
                    "Remove it while the instance is stopped, and see who put it there.",
                    "foreign",
                )


def connection(file: str, mode: str, wait_timeout: float) -> sqlite3.Connection:
    # By URI, because a plain path would create a file that is not there.
    opened = sqlite3.connect(f"file:{quote(file)}?mode={mode}", uri=True, timeout=wait_timeout, isolation_level=None)
    # Text that is not UTF-8 must not end in an error: the driver's message would quote it.
    opened.text_factory = lambda raw: raw.decode("utf-8", "replace")
    # What the schema itself computes gets no function that could do more than compute.
    opened.execute("PRAGMA trusted_schema=OFF")
    opened.execute("PRAGMA cell_size_check=ON")
    return opened


def _begin_reading(database: Database) -> None:
    database.execute("BEGIN")
    database.query("SELECT name FROM sqlite_master LIMIT 1")  # The file is opened by the first read only.
