# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of an instance, as its database has them: of those who are asked for, and of who administers it."""

from __future__ import annotations

from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._database_base import Database

# Of values in one statement, every SQLite takes so many
_AT_ONCE = 400
_NEEDED = {"id", "email", "name", "role", "created_at"}


def listed(database: Database, emails: list[str]) -> list[dict[str, Any]]:
    """Of these addresses, whatever their case: id, e-mail in lower case, name, role, and whether it is the first."""
    if not emails or not set(database.columns("user")) >= _NEEDED:
        return []
    first, found = _first(database), []
    asked = sorted({email.lower() for email in emails})
    for begin in range(0, len(asked), _AT_ONCE):
        some = asked[begin : begin + _AT_ONCE]
        marks = ", ".join("?" for _email in some)
        found += database.query(f'SELECT id, email, name, role FROM "user" WHERE lower(email) IN ({marks})', *some)
    return [
        {
            "id": row["id"],
            "email": str(row["email"]).lower(),
            "name": None if row["name"] is None else str(row["name"]),
            "role": str(row["role"]),
            "first": row["id"] == first,
        }
        for row in found
    ]


def _first(database: Database) -> Any:
    """Whom Open WebUI lets nobody else change; an administrator wins where two came in one second."""
    rows = database.query(
        "SELECT id FROM \"user\" ORDER BY created_at, CASE WHEN role = 'admin' THEN 0 ELSE 1 END, id LIMIT 1"
    )
    return rows[0]["id"] if rows else None


def administrators(database: Database) -> list[Any]:
    """Their identifiers, the first one first."""
    if not set(database.columns("user")) >= _NEEDED:
        return []
    rows = database.query("SELECT id FROM \"user\" WHERE role = 'admin' ORDER BY created_at, id LIMIT 1000")
    return [row["id"] for row in rows]


def claims(database: Database, identifier: Any) -> dict[str, Any]:
    """What a session of that account has to hold."""
    found = {"id": identifier}
    if "session_stamp" in database.columns("auth"):
        rows = database.query("SELECT session_stamp FROM auth WHERE id = ? LIMIT 1", identifier)
        found["session_stamp"] = rows[0]["session_stamp"] if rows else None
    return found


def picture(database: Database, identifier: Any) -> str:
    """Older releases take a change of an account only with everything of it."""
    if "profile_image_url" not in database.columns("user"):
        return ""
    rows = database.query('SELECT profile_image_url FROM "user" WHERE id = ?', identifier)
    return str(rows[0]["profile_image_url"] or "") if rows else ""
