# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between a backup and the kind of database: copied into a directory, and described there."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import copy, dump
from ansible_collections.mai.clients.plugins.module_utils._instance.database import row_counts, schema_revision
from ansible_collections.mai.clients.plugins.module_utils._instance.folder import COPIES
from ansible_collections.mai.clients.plugins.module_utils._instance.place import Place, place_of

# Those that a person would miss, and those that bills are made from
TABLES = (
    *("user", "auth", "chat", "message", "file", "knowledge", "model", "prompt", "function", "tool", "config"),
    *("client_organizations", "client_daily_usage", "client_user_daily_usage", "client_model_daily_usage"),
    *("organization_members", "user_client_mapping"),
)
_SECONDS = 120
# Where a file's locks, and with them the database, hold only as long as everybody's network does
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs", "9p")


def kind_of(directory: str) -> str:
    """Of which kind the copy in the directory is, sqlite or postgresql."""
    return "postgresql" if os.path.lexists(os.path.join(directory, COPIES[True])) else "sqlite"


def copy_into(deployment_dir: str, directory: str) -> dict[str, Any]:
    """Make one consistent copy of the client's database in the directory, also while it is written to; describe it."""
    place = place_of(deployment_dir)
    target = os.path.join(directory, place.copy_name)
    if place.kind == "postgresql":
        dump.make(place, target, compressed=False)
        return describe(place, directory)
    kind = file_system(os.path.dirname(place.path))
    if kind in _NETWORK:
        raise Refused(
            f"The data of the instance lie on a network file system ({kind}), where SQLite's locks cannot be relied "
            "on, so no copy of the database would be certain: put them on a disk of the machine.",
            "network",
        )
    copy.make(place.path, target)
    return describe(place, directory)


def describe(place: Place, directory: str, image: str = "") -> dict[str, Any]:
    """What a copy in the directory holds: counts, schema_revision, organizations (identifiers). Refused if damaged."""
    path = os.path.join(directory, place.copy_name)
    if place.kind == "postgresql":
        found = dump.describe(place, path, image)
        del found["bytes"]
        return dict(found, counts={table: rows for table, rows in sorted(found["counts"].items()) if table in TABLES})
    copy.check(path)
    return transaction(_describe, path=path, readonly=True, seconds=_SECONDS)


def describe_live(deployment_dir: str) -> dict[str, Any]:
    return transaction(_describe, **place_of(deployment_dir).reached(), readonly=True, seconds=_SECONDS)


def _describe(database: Database) -> dict[str, Any]:
    organizations, suspended = [], False
    columns = database.columns("client_organizations")
    if "id" in columns:
        organizations = database.query("SELECT id FROM client_organizations ORDER BY id LIMIT 100")
    if organizations and "is_active" in columns:
        active = "SELECT count(*) AS rows FROM client_organizations WHERE is_active = 1"
        suspended = database.query(active)[0]["rows"] == 0
    return {
        "counts": row_counts(database, TABLES),
        "schema_revision": schema_revision(database),
        "organizations": [str(row["id"]) for row in organizations],
        "suspended": suspended,
    }


def file_system(path: str) -> str | None:
    """The kind of the file system that the path lies on."""
    try:
        path = os.path.realpath(path)
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return None
    kind, longest = None, -1
    for fields in mounts:
        place = fields[4].replace("\\040", " ")
        if (path + "/").startswith(place.rstrip("/") + "/") and len(place) >= longest and "-" in fields:
            kind, longest = fields[fields.index("-") + 1], len(place)
    return kind
