# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's database, SQLite or PostgreSQL, as the modules on the target need it: one transaction at a time.

What is in it is its users' own, its schema included: a transaction runs confined, within bounds of time and rows.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator

from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, confined
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._database_postgresql import load_driver, open_postgresql
from ansible_collections.mai.clients.plugins.module_utils._database_sqlite import open_sqlite

# How long a transaction may take beside waiting for a lock
SECONDS = 20


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
        # Nobody cannot read where a driver may be installed
        before=(lambda: None) if path else load_driver,
        as_nobody=not path,
        seconds=wait_timeout + (seconds or SECONDS),
        # What an interrupted transaction left is undone by whoever reads next, and that file is as large as it is
        largest_file=(_size(path) if path else 0) + 256 * MIB,
    )


def _size(path: str) -> int:
    with suppress(OSError):
        return os.lstat(path).st_size
    return 0


def _in_transaction(
    driver: Any,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    file: str | None,
    name: str,
    url: str | None,
    readonly: bool,
    wait_timeout: float,
) -> Any:
    with connect(file, url, readonly, wait_timeout, name, driver) as database:
        return work(database, *arguments)


@contextmanager
def connect(
    path: str | None = None,
    url: str | None = None,
    readonly: bool = False,
    wait_timeout: float = 30,
    name: str | None = None,
    driver: Any = None,
) -> Iterator[Database]:
    """Give a transaction, in this process: for what runs confined already."""
    if path:
        database = open_sqlite(path, name or f"the database {path}", readonly, wait_timeout)
    else:
        database = open_postgresql(url, readonly, wait_timeout, driver)
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
