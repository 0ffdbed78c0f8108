# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An open transaction on an instance's database, whatever its kind, and what can be wrong with it.

No error of this module holds a value or a credential: the drivers' own messages do (PostgreSQL's "Key (…)=(…)
already exists", libpq's complaint about a URL), so they are never passed on, only recognised.
"""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused

# More than the people of any instance
_MOST_ROWS = 100_000


class DatabaseError(Refused):
    """What is wrong with which database and what to do about it; the reason is one word for programs."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message[0].upper() + message[1:], reason)


def constraint_error(name: str, what: str) -> DatabaseError:
    return DatabaseError(
        f"{name} does not accept the new content ({what}). Look at the rows and constraints of that table, "
        "and run again.",
        "constraint",
    )


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
