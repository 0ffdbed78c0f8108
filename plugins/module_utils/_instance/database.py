# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the instance's own database says: organisations, people, saved settings. Read only, in one transaction.

All of it was written by whoever owns the instance: what is not as mAI writes it is left out, and said.
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database, DatabaseError, number
from ansible_collections.mai.clients.plugins.module_utils._instance import saved_settings, tracking
from ansible_collections.mai.clients.plugins.module_utils._instance.place import Place
from ansible_collections.mai.clients.plugins.module_utils._organization.schema import PUBLIC_COLUMNS
from ansible_collections.mai.clients.plugins.module_utils._people import accounts
from ansible_collections.mai.clients.plugins.module_utils._secret import hash_of

# Seconds reach this in the year 5138, milliseconds passed it in 1973.
_MILLISECONDS = 10**11


# More than any agency gives one instance, and few enough for a result
_MOST_ORGANIZATIONS = 100


class Contents:
    """summary is for everybody; the rest holds secrets and stays inside the module."""

    def __init__(self, kind: str | None, path: str | None, exists: bool):
        self.summary: dict = {
            "kind": kind,
            "path": path,
            "exists": exists,
            "organizations_table": False,
            "organizations": [],
            "tracks_usage": False,
            "tracking": None,
            "size_bytes": None,
            "chats": None,
            "users": None,
            "administrators": None,
            "error": None,
            "error_reason": None,
            "schema_revision": None,
            "timestamps_unit": None,
        }
        self.organization_keys: list[tuple[str, str]] = []
        self.saved = saved_settings.SavedSettings(saved_settings.NONE, {})
        self.administrator: dict | None = None
        self.accounts: list[dict] = []

    def failed(self, error: Refused) -> None:
        """What went wrong first is what counts."""
        if not self.summary["error"]:
            self.summary.update(error=str(error), error_reason=error.reason)

    def accounts_shown(self) -> list[dict]:
        """Of those who were asked for."""
        return [{name: account[name] for name in ("email", "role", "first")} for account in self.accounts]


def look(place: Place, emails: list[str] | None = None) -> Contents:
    """With the accounts of these addresses."""
    exists = place.exists()
    contents = Contents(None if exists is False else place.kind, place.shown, bool(exists))
    if exists is False:
        return contents
    try:
        found = transaction(_read, emails or [], **place.reached(), readonly=True, wait_timeout=5)
    except Refused as error:
        contents.failed(error)
        return contents
    # A PostgreSQL holds data from the instance's first start on
    contents.summary.update(found["summary"], exists=place.kind == "sqlite" or found["summary"]["users"] is not None)
    if place.kind == "sqlite":
        contents.summary["size_bytes"] = os.lstat(place.path).st_size
    contents.organization_keys = list(map(tuple, found["organization_keys"]))
    contents.saved = saved_settings.SavedSettings(*found["saved"])
    contents.administrator, contents.accounts = found["administrator"], found["accounts"]
    return contents


def _read(database: Database, emails: list[str]) -> dict[str, Any]:
    """In the database's own process: each part on its own, so that one that cannot be read leaves the others."""
    contents = Contents(None, None, True)

    def _accounts(database: Database, contents: Contents) -> None:
        contents.accounts = accounts.listed(database, emails)

    for part in (_organizations, _tracking, _chats, _people, _accounts, _settings, _revision, _size):
        try:
            part(database, contents)
        except DatabaseError as error:
            contents.failed(error)
        except database.driver_error as error:
            contents.failed(database.translate(error))
    summary = {name: value for name, value in contents.summary.items() if name not in ("kind", "path")}
    return {
        "summary": summary,
        "organization_keys": contents.organization_keys,
        "saved": contents.saved.content,
        "administrator": contents.administrator,
        "accounts": contents.accounts,
    }


def schema_revision(database: Database) -> str | None:
    """What the instance's migrations recorded; several, with commas between, where its history has branches."""
    if not database.columns("alembic_version"):
        return None
    versions = database.query("SELECT version_num FROM alembic_version ORDER BY version_num LIMIT 10")
    return ", ".join(str(row["version_num"]) for row in versions if row["version_num"] is not None) or None


def _revision(database: Database, contents: Contents) -> None:
    contents.summary["schema_revision"] = schema_revision(database)


def row_counts(database: Database, tables: tuple[str, ...]) -> dict[str, int]:
    """Of those tables that there are."""
    return {
        table: database.query(f'SELECT count(*) AS rows FROM "{table}"')[0]["rows"]
        for table in tables
        if database.columns(table)
    }


def size(database: Database) -> int | None:
    """Bytes of PostgreSQL's; of an SQLite file the file system tells."""
    if database.kind == "sqlite":
        return None
    return database.query("SELECT pg_database_size(current_database()) AS bytes")[0]["bytes"]


def _size(database: Database, contents: Contents) -> None:
    contents.summary["size_bytes"] = size(database)


def _settings(database: Database, contents: Contents) -> None:
    contents.saved = saved_settings.read(database)


def _chats(database: Database, contents: Contents) -> None:
    if database.columns("chat"):
        contents.summary["chats"] = database.query("SELECT COUNT(*) AS number FROM chat")[0]["number"]


def _tracking(database: Database, contents: Contents) -> None:
    # Only mAI has it: plain Open WebUI records no usage
    contents.summary["tracks_usage"] = bool(database.columns("client_daily_usage"))
    contents.summary["tracking"] = tracking.look(
        database, [row["id"] for row in contents.summary["organizations"] if row["is_active"]]
    )


def _organizations(database: Database, contents: Contents) -> None:
    present = database.columns("client_organizations")
    contents.summary["organizations_table"] = bool(present)
    if "id" not in present:
        return
    wanted = [name for name in (*PUBLIC_COLUMNS, "openrouter_api_key") if name in present]
    names = ", ".join(f'"{name}"' for name in wanted)
    rows = database.query(f"SELECT {names} FROM client_organizations ORDER BY id LIMIT {_MOST_ORGANIZATIONS + 1}")
    if len(rows) > _MOST_ORGANIZATIONS:
        raise DatabaseError(
            f"{database.name} holds more than {_MOST_ORGANIZATIONS} organisations, where an instance has one.",
            "endless",
        )
    for row in rows:
        key = row.pop("openrouter_api_key", None)
        organization = {name: row.get(name) for name in PUBLIC_COLUMNS}
        for name in ("markup_rate", "monthly_limit", "created_at", "updated_at"):
            organization[name] = number(organization[name])
        for name in ("created_at", "updated_at"):
            organization[name] = organization[name] and int(organization[name])
        for name in ("id", "name", "billing_email", "timezone"):
            organization[name] = organization[name] if organization[name] is None else str(organization[name])
        if organization["is_active"] is not None:
            organization["is_active"] = bool(organization["is_active"])
        organization["key_hash"] = hash_of(key)
        contents.summary["organizations"].append(organization)
        if key and isinstance(key, str):
            contents.organization_keys.append((str(row["id"]), key))
    moments = [row["created_at"] for row in contents.summary["organizations"] if row["created_at"]]
    if moments:
        contents.summary["timestamps_unit"] = "ms" if moments[0] >= _MILLISECONDS else "s"


def _people(database: Database, contents: Contents) -> None:
    if "role" not in database.columns("user"):
        return
    contents.summary["users"] = database.query('SELECT COUNT(*) AS number FROM "user"')[0]["number"]
    administrators = 'FROM "user" WHERE role = ?'
    contents.summary["administrators"] = database.query(f"SELECT COUNT(*) AS number {administrators}", "admin")[0][
        "number"
    ]
    identifier = _first_administrator(database)
    if identifier is not None:
        contents.administrator = {"id": identifier}
        if "session_stamp" in database.columns("auth"):
            stamps = database.query("SELECT session_stamp FROM auth WHERE id = ? LIMIT 1", identifier)
            contents.administrator["session_stamp"] = stamps[0]["session_stamp"] if stamps else None


def _first_administrator(database: Database) -> Any:
    """Whose session a look takes, to try models and pages."""
    rows = database.query('SELECT id FROM "user" WHERE role = ? ORDER BY created_at LIMIT 1', "admin")
    return rows[0]["id"] if rows else None


def active_users(database: Database, since: int) -> int | None:
    """How many people were active since that moment; None where the release does not note it.

    The instance notes a look's session like a visit of its administrator: that one counts with a chat that moved.
    """
    columns = set(database.columns("user"))
    if "last_active_at" not in columns:
        return None
    active = database.query('SELECT COUNT(*) AS number FROM "user" WHERE last_active_at > ?', since)[0]["number"]
    first = _first_administrator(database) if {"id", "role", "created_at"} <= columns else None
    if first is None or not {"user_id", "updated_at"} <= set(database.columns("chat")):
        return active
    seen = database.query('SELECT COUNT(*) AS number FROM "user" WHERE id = ? AND last_active_at > ?', first, since)
    chats = database.query("SELECT COUNT(*) AS number FROM chat WHERE user_id = ? AND updated_at > ?", first, since)
    return active - 1 if seen[0]["number"] and not chats[0]["number"] else active
