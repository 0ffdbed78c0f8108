# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the instance's own database says: organisations, people, saved settings. Read only, in one transaction."""

from __future__ import annotations

import os

from ansible_collections.mai.clients.plugins.module_utils._database import Database, DatabaseError, connect
from ansible_collections.mai.clients.plugins.module_utils._instance import stored, tracking
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

_COLUMNS = (
    "id",
    "name",
    "markup_rate",
    "monthly_limit",
    "billing_email",
    "timezone",
    "is_active",
    "created_at",
    "updated_at",
)
# Seconds reach this in the year 5138, milliseconds passed it in 1973.
_MILLISECONDS = 10**11


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
            "schema_revision": None,
            "timestamps_unit": None,
        }
        self.organization_keys: list[tuple[str, str]] = []
        self.store = stored.Store(stored.NONE, {})
        self.administrator: dict | None = None


def look(path: str | None, url: str | None, exists: bool) -> Contents:
    contents = Contents("postgresql" if url else "sqlite" if exists else None, None if url else path, exists)
    if not exists and not url:
        return contents
    try:
        with connect(path=None if url else path, url=url, readonly=True, wait_timeout=5) as database:
            contents.summary["exists"] = True
            _organizations(database, contents)
            # Only mAI has it: plain Open WebUI records no usage
            contents.summary["tracks_usage"] = bool(database.columns("client_daily_usage"))
            contents.summary["tracking"] = tracking.look(
                database, [row["id"] for row in contents.summary["organizations"] if row["is_active"]]
            )
            if not url:
                contents.summary["size_bytes"] = os.path.getsize(path)
            if database.columns("chat"):
                contents.summary["chats"] = database.query("SELECT COUNT(*) AS number FROM chat")[0]["number"]
            _people(database, contents)
            contents.store = stored.read(database)
            contents.summary["schema_revision"] = schema_revision(database)
    except DatabaseError as exc:
        contents.summary["error"] = str(exc)
    return contents


def schema_revision(database: Database) -> str | None:
    """What the instance's migrations recorded; several, with commas between, where its history has branches."""
    if not database.columns("alembic_version"):
        return None
    versions = database.query("SELECT version_num FROM alembic_version ORDER BY version_num")
    return ", ".join(row["version_num"] for row in versions) or None


def _organizations(database: Database, contents: Contents) -> None:
    present = database.columns("client_organizations")
    contents.summary["organizations_table"] = bool(present)
    if "id" not in present:
        return
    wanted = [name for name in _COLUMNS + ("openrouter_api_key",) if name in present]
    names = ", ".join(f'"{name}"' for name in wanted)
    for row in database.query(f"SELECT {names} FROM client_organizations ORDER BY id"):
        key = row.pop("openrouter_api_key", None)
        organization = {name: row.get(name) for name in _COLUMNS}
        for name in ("markup_rate", "monthly_limit"):
            organization[name] = _number(organization[name])
        if organization["is_active"] is not None:
            organization["is_active"] = bool(organization["is_active"])
        organization["key_hash"] = sha256(key) if key else None
        contents.summary["organizations"].append(organization)
        if key:
            contents.organization_keys.append((row["id"], key))
    moments = [row["created_at"] for row in contents.summary["organizations"] if _number(row["created_at"])]
    if moments:
        contents.summary["timestamps_unit"] = "ms" if _number(moments[0]) >= _MILLISECONDS else "s"


def _people(database: Database, contents: Contents) -> None:
    if "role" not in database.columns("user"):
        return
    contents.summary["users"] = database.query('SELECT COUNT(*) AS number FROM "user"')[0]["number"]
    rows = database.query('SELECT id FROM "user" WHERE role = ? ORDER BY created_at', "admin")
    contents.summary["administrators"] = len(rows)
    if rows:
        contents.administrator = {"id": rows[0]["id"]}
        if "session_stamp" in database.columns("auth"):
            stamps = database.query("SELECT session_stamp FROM auth WHERE id = ?", rows[0]["id"])
            contents.administrator["session_stamp"] = stamps[0]["session_stamp"] if stamps else None


def _number(value) -> float | None:
    """NUMERIC of PostgreSQL comes as Decimal, which a result cannot hold."""
    if value is None or isinstance(value, (int, float)):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
