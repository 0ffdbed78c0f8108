# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows by which a user of the instance belongs to its organisation, in the tables that this mAI has.

Without them generation A does not count a user's chats and generation C shows a user no models.
"""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._organization.schema import encode
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

# Table → its column for the organisation.
TABLES = {"user_client_mapping": "client_org_id", "organization_members": "organization_id"}


class Member(NamedTuple):
    """A row that is missing."""

    table: str
    values: dict[str, Any]


class Membership(NamedTuple):
    """For each table that the database has: how many of the organisation's rows are there, which are missing, and
    which are of users who are gone (table, and user)."""

    present: dict[str, int]
    missing: tuple[Member, ...]
    gone: tuple[tuple[str, str], ...] = ()


NONE = Membership({}, ())


def observe(database: Database, organization_id: str, now: int) -> Membership:
    present: dict[str, int] = {}
    missing, gone = [], []
    users = database.query('SELECT "id" FROM "user" ORDER BY "id"') if "id" in database.columns("user") else []
    for table, organization in TABLES.items():
        columns = database.columns(table)
        if not {organization, "user_id"} <= set(columns):
            continue
        rows = database.query(f'SELECT "user_id" FROM "{table}" WHERE "{organization}" = ?', organization_id)
        members = {row["user_id"] for row in rows}
        present[table] = len(rows)
        # Where there is nobody, it is not known who is gone
        known = {user["id"] for user in users} or members
        gone += [(table, user) for user in sorted(members - known, key=str)]
        for user in users:
            if user["id"] not in members:
                missing.append(Member(table, _values(columns, organization, organization_id, user["id"], now)))
    return Membership(present, tuple(missing), tuple(gone))


def add(database: Database, membership: Membership) -> None:
    for table, values in membership.missing:
        insert(database, table, values)


def forget(database: Database, organization_id: str, membership: Membership) -> None:
    """Those who are gone."""
    for table, user in membership.gone:
        database.execute(f'DELETE FROM "{table}" WHERE "{TABLES[table]}" = ? AND "user_id" = ?', organization_id, user)


def remove(database: Database, organization_id: str, membership: Membership) -> None:
    for table in membership.present:
        database.execute(f'DELETE FROM "{table}" WHERE "{TABLES[table]}" = ?', organization_id)


def insert(database: Database, table: str, values: dict[str, Any]) -> None:
    """Insert a row whose column names are this collection's own."""
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for name in values)
    database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', *values.values())


def _values(columns: dict[str, str], organization: str, organization_id: str, user_id: str, now: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "user_id": user_id,
        organization: organization_id,
        # The form in which mAI itself names a user to OpenRouter.
        "openrouter_user_id": f"{organization_id}_user_{sha256(str(user_id))[:8]}",
        "role": "member",
        "is_active": True,
        "created_at": now,
        "updated_at": now,
        "joined_at": now,
    }
    if "int" in columns.get("id", "") or "serial" in columns.get("id", ""):
        del values["id"]  # The database numbers its rows itself.
    return {name: encode(value, columns[name]) for name, value in values.items() if name in columns}
