# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database: SQLite in DATA_DIR/webui.db, or the PostgreSQL that DATABASE_URL names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .settings import Settings, SettingsError

SQLITE_WAIT_SECONDS = 30


class Database:
    """Short-lived connections, one transaction each; SQL is written with `?` for both databases."""

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url
        self.is_sqlite = not url or url.startswith("sqlite:///")
        if self.is_sqlite:
            path = url[len("sqlite:///") :] if url else str(settings.data_dir / "webui.db")
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            self._connect = lambda: sqlite3.connect(path, timeout=SQLITE_WAIT_SECONDS, isolation_level=None)
            # 0.12 keeps its database in WAL mode, 0.6 with a rollback journal.
            self._set_journal("WAL" if settings.form == "rows" else "DELETE")
        elif url.startswith(("postgresql://", "postgresql+psycopg://")):
            import psycopg

            conninfo = url.replace("postgresql+psycopg://", "postgresql://", 1)
            self._connect = lambda: psycopg.connect(conninfo, autocommit=True, connect_timeout=5)
        else:
            raise SettingsError("DATABASE_URL must begin with sqlite:/// or postgresql://")

    def _set_journal(self, mode: str) -> None:
        connection = self._connect()
        try:
            connection.execute(f"PRAGMA journal_mode={mode}")
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        connection = self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
            try:
                yield Transaction(connection, self.is_sqlite)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()

    def read(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        connection = self._connect()
        try:
            return Transaction(connection, self.is_sqlite).execute(sql, *values)
        finally:
            connection.close()

    def write(self, sql: str, *values: Any) -> None:
        with self.transaction() as transaction:
            transaction.execute(sql, *values)


class Transaction:
    """Executes statements and gives rows as mappings."""

    def __init__(self, connection: Any, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite

    def execute(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql if self._is_sqlite else sql.replace("?", "%s"), values)
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]
