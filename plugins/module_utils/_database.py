# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's database, SQLite or PostgreSQL, as the modules on the target need it: one transaction at a time.

What is in it is its users' own, its schema included: a transaction runs confined, within bounds of time and rows.

No error of this module holds a value or a credential: the drivers' own messages do (PostgreSQL's "Key (…)=(…)
already exists", libpq's complaint about a URL), so they are never passed on, only recognised.
"""

from __future__ import annotations

import importlib
import math
import os
import re
import sqlite3
import stat
import sys
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from typing import Any, Callable, Iterator
from urllib.parse import quote

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Refused, confined

# How long a transaction may take beside waiting for a lock
SECONDS = 20
# More than the people of any instance
_MOST_ROWS = 100_000
# A journal that ends so names a file that whoever rolls it back deletes; only several databases in one transaction
# need that, and an instance has one.
_SUPER_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


class DatabaseError(Refused):
    """What is wrong with which database and what to do about it; the reason is one word for programs."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message[0].upper() + message[1:], reason)


def transaction(
    work: Callable[..., Any],
    *arguments: Any,
    path: str | None = None,
    url: str | None = None,
    readonly: bool = False,
    wait_timeout: float = 30,
    seconds: float | None = None,
) -> Any:
    """Return what work(database, *arguments) returns, as JSON carries it. All of it is done, or nothing.

    The database is the SQLite file at path or the PostgreSQL database at url. It waits wait_timeout seconds for
    somebody else's lock, and for a server to answer; the work has so many seconds beside that.
    """
    name = f"the database {path}" if path else "the PostgreSQL database"
    return confined(
        name,
        _in_transaction,
        work,
        arguments,
        path and os.path.basename(path),
        name,
        url,
        readonly,
        wait_timeout,
        folder=os.path.dirname(os.path.abspath(path)) if path else None,
        seconds=wait_timeout + (seconds or SECONDS),
        # What an interrupted transaction left is undone by whoever reads next, and that file is as large as it is
        largest_file=(_size(path) if path else 0) + 256 * MIB,
    )


def _size(path: str) -> int:
    with suppress(OSError):
        return os.lstat(path).st_size
    return 0


def _in_transaction(
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    file: str | None,
    name: str,
    url: str | None,
    readonly: bool,
    wait_timeout: float,
) -> Any:
    with connect(file, url, readonly, wait_timeout, name) as database:
        return work(database, *arguments)


class Database:
    """One open transaction. SQL is written with ? for every value and double quotes around every name."""

    kind: str
    driver_error: type

    def __init__(self, connection: Any, name: str) -> None:
        self.connection = connection
        self.name = name

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        cursor = self._run(sql, values)
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchmany(_MOST_ROWS + 1)
        if len(rows) > _MOST_ROWS:
            raise DatabaseError(
                f"{self.name} holds more than {_MOST_ROWS} rows of what no instance has so many of.", "endless"
            )
        return [dict(zip(names, map(_plain, row))) for row in rows]

    def execute(self, sql: str, *values: Any) -> int:
        """Return how many rows were changed."""
        return self._run(sql, values).rowcount

    def columns(self, table: str) -> dict[str, str]:
        """Return the declared type, in lower case, of each column; nothing at all when there is no such table.

        A view, or a table that a program computes, is refused: it was not made by an instance, and may have no end.
        """
        if self.query(self._computed_sql, table):
            raise DatabaseError(
                f"{table} in {self.name} is no table but a view: no release of mAI makes it so.", "foreign"
            )
        return {row["name"]: row["type"].lower() for row in self.query(self._columns_sql, table)}

    def lock(self, table: str) -> None:
        """Keep other writers out of the table until the end of the transaction."""

    def translate(self, error: Exception) -> DatabaseError:
        raise NotImplementedError

    _columns_sql: str
    _computed_sql: str

    def _run(self, sql: str, values: tuple[Any, ...]) -> Any:
        raise NotImplementedError


def _plain(value: Any) -> Any:
    """Return the value as a type that a module's result can carry."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, date) else value


def number(value: Any) -> float | None:
    """Return what a column for numbers holds; nothing when it is none, since SQLite stores anything anywhere."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


@contextmanager
def connect(
    path: str | None = None,
    url: str | None = None,
    readonly: bool = False,
    wait_timeout: float = 30,
    name: str | None = None,
) -> Iterator[Database]:
    """Give a transaction, in this process: for what runs confined already."""
    if path:
        database = _open_sqlite(path, name or f"the database {path}", readonly, wait_timeout)
    else:
        database = _open_postgresql(url, readonly, wait_timeout)
    try:
        try:
            yield database
        except BaseException:
            _quietly_roll_back(database)
            raise
        database.execute("COMMIT")
    except database.driver_error as error:
        raise database.translate(error) from None
    finally:
        database.connection.close()


def _quietly_roll_back(database: Database) -> None:
    # If the connection is gone, the transaction is too; what went wrong first is what counts.
    with suppress(database.driver_error):
        database.execute("ROLLBACK")


# --- SQLite ----------------------------------------------------------------------------------------------------


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
            return _constraint_error(self.name, constraint.group())
        kind = getattr(error, "sqlite_errorname", type(error).__name__)
        return DatabaseError(
            f"SQLite refused a statement on {self.name} ({kind}). Check the file with sqlite3's PRAGMA "
            "integrity_check and the shape of its tables.",
            "refused",
        )


def _open_sqlite(file: str, name: str, readonly: bool, wait_timeout: float) -> Database:
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


# --- PostgreSQL ------------------------------------------------------------------------------------------------

# SQLAlchemy's names of drivers, which Open WebUI's DATABASE_URL may carry, mean nothing to libpq.
_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://(.*)\Z", re.DOTALL)
# Only an address that leaves no doubt about where the password ends is ever shown.
_SHOWABLE = re.compile(r"(?:[^@/?#:]*(?::[^@/?#]*)?@)?([\w.-]*(?::\d+)?/[\w-]*)(?:\?.*)?\Z", re.DOTALL)

_CONNECT_FAILURES = (
    ("authentication failed", "refuses the user or the password of the URL. Correct them."),
    ("no pg_hba.conf entry", "does not let this user in from this host. Add a line to its pg_hba.conf."),
    ("no password supplied", "wants a password, and the URL has none."),
    ("does not exist", "does not know the database or the user of the URL. Create it, or correct the URL."),
    ("starting up", "is still starting. Run again in a moment."),
    ("too many", "has no connection left. Free some, or raise max_connections."),
)


class _PostgreSQL(Database):
    kind = "postgresql"
    _columns_sql = (
        "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = to_regclass(quote_ident(?)) AND attnum > 0 AND NOT attisdropped"
    )
    _computed_sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass(quote_ident(?)) AND relkind NOT IN ('r', 'p')"

    def _run(self, sql: str, values: tuple[Any, ...]) -> Any:
        cursor = self.connection.cursor()
        cursor.execute(sql.replace("?", "%s"), values or None)
        return cursor

    def lock(self, table: str) -> None:
        self.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')

    def translate(self, error: Exception) -> DatabaseError:
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
        diagnosis = getattr(error, "diag", None)
        if state in ("55P03", "40P01", "40001"):
            return DatabaseError(
                f"{self.name} is locked: another session has held its lock all the time that this run waited. See "
                "pg_stat_activity, or raise wait_timeout, and run again.",
                "locked",
            )
        if state == "25006":
            return DatabaseError(f"{self.name} is read-only (a standby?). Give the URL of the primary.", "readonly")
        if state == "42501":
            table = getattr(diagnosis, "table_name", None) or "of the instance"
            return DatabaseError(
                f"The user of {self.name} may not use the table {table}. Give the URL of the user that the instance "
                "itself uses.",
                "refused",
            )
        if state.startswith("23"):
            parts = [getattr(diagnosis, part, None) for part in ("table_name", "column_name", "constraint_name")]
            return _constraint_error(self.name, ".".join(part for part in parts if part) or "SQLSTATE " + state)
        if state.startswith(("08", "57")) or not state:
            return DatabaseError(
                f"{self.name} ended the connection or cannot be reached. Check that the server runs, and run again.",
                "unreachable",
            )
        return DatabaseError(
            f"{self.name} refused a statement (SQLSTATE {state}). Check the shape of its tables.", "refused"
        )


def _driver() -> Any:
    """Loaded for PostgreSQL only: it takes a quarter of a second."""
    for name in ("psycopg", "psycopg2"):
        with suppress(ImportError):
            return importlib.import_module(name)
    return None


def _open_postgresql(url: str | None, readonly: bool, wait_timeout: float) -> Database:
    match = _URL.match(url or "")
    if not match:
        raise DatabaseError(
            "The database URL is not one of PostgreSQL: it has to begin with postgresql://. For SQLite give the path "
            "of the file as database_path.",
            "invalid",
        )
    driver = _driver()
    if driver is None:
        raise DatabaseError(
            f"PostgreSQL needs the Python library psycopg (or psycopg2) for {sys.executable} on the target: install "
            "the package python3-psycopg or python3-psycopg2 there.",
            "driver",
        )
    shown = _SHOWABLE.match(match.group(1))
    name = f"the PostgreSQL database {shown.group(1)}" if shown else "the PostgreSQL database of database_url"
    try:
        connection = driver.connect("postgresql://" + match.group(1), connect_timeout=max(2, int(wait_timeout)))
    except Exception as error:  # Drivers raise more than their own errors for a URL, and each may quote it.
        raise _connect_error(name, str(error)) from None
    connection.autocommit = True
    database = _PostgreSQL(connection, name)
    database.driver_error = driver.Error
    try:
        database.execute("BEGIN READ ONLY" if readonly else "BEGIN")
        database.query("SELECT set_config('lock_timeout', ?, true)", f"{max(1, int(wait_timeout * 1000))}ms")
    except database.driver_error as error:
        connection.close()
        raise database.translate(error) from None
    return database


def _connect_error(name: str, text: str) -> DatabaseError:
    for sign, meaning in _CONNECT_FAILURES:
        if sign in text:
            return DatabaseError(f"{name} {meaning}", "refused")
    return DatabaseError(
        f"{name} cannot be reached. Check host, port and name in the URL (a password with special characters has to be "
        "percent-encoded) and that the server runs and listens for this host.",
        "unreachable",
    )


def _constraint_error(name: str, what: str) -> DatabaseError:
    return DatabaseError(
        f"{name} does not accept the new content ({what}). Look at the rows and constraints of that table, "
        "and run again.",
        "constraint",
    )
