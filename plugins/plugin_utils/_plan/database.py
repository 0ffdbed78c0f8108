# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of a client's instance: which one it has, what is to be done about it, and what stands in the way.

This is private to the collection. SQLite is a file of the instance's own and needs nothing; PostgreSQL runs beside the
instance, as a service of the client's Compose project, or somewhere else.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._instance.place import SCHEMES
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import some_of

Values = t.Mapping[str, t.Any]

NAMES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL beside the instance",
    "external": "the PostgreSQL of mai_database_url",
}
# What the machine needs to reach a PostgreSQL, and to copy one that is not beside the instance
DRIVER, PROGRAMS = "python3-psycopg2", "postgresql-client"
SQLITE_ONLY = "mAI's own usage tracking works on SQLite only: with PostgreSQL its usage pages stay empty"
# Why it cannot be read that a run puts right
CURED = ("stopped", "driver")


def service_of(service: str) -> str:
    """Name of the client's own PostgreSQL: container, Compose service, and host for the instance."""
    return f"{service}-database"


def database(client: Values, seen: Values, service: str, new_image: bool) -> dict[str, t.Any]:
    """``new_image``: an upgrade, which alone switches the image of what has data."""
    wanted, found = client["mai_database"], seen["database"]
    own = wanted == "postgresql"
    container = (found["service"] or {}) if own else {}
    keeps_image = another_image(client, seen) and not new_image
    return {
        "kind": wanted,
        "service": service_of(service) if own else "",
        # A name may stand for another image in a moment; an identifier never does
        "image": container["image_id"] if keeps_image else seen["database_image"]["id"] or client["mai_database_image"],
        "image_name": container["image"] if keeps_image else client["mai_database_image"],
        "keeps_image": keeps_image,
        "bring_image": own and not keeps_image and not seen["database_image"]["present"],
        # Its address and password, on the machine
        "file_due": _file_due(client, seen),
        # The instance is to come up with another address than it has, and goes back to that where it does not
        "moves": found["in_use"] is False or (_file_due(client, seen) and "database.env" in seen["files"]),
        # What is elsewhere was not asked before its address was on the machine
        "look_again": wanted == "external" and found["as_wanted"] is not True,
        "stopped": own and found["error_reason"] == "stopped",
        "packages": packages(client, seen),
    }


def _file_due(client: Values, seen: Values) -> bool:
    wanted, found = client["mai_database"], seen["database"]
    if wanted == "sqlite":
        return False
    if "database.env" not in seen["files"] or found["as_wanted"] is False:
        return True
    own = wanted == "postgresql"
    return own and (not found["own"] or found["scheme"] != SCHEMES[client["mai_database_driver"]])


def another_image(client: Values, seen: Values) -> bool:
    """Whether its data was last used with another image than the inventory's, which may be yet to come."""
    container = seen["database"]["service"] or {}
    beside = client["mai_database"] == "postgresql" and bool(container)
    return beside and seen["database_image"]["id"] != container["image_id"]


def packages(client: Values, seen: Values) -> list[str]:
    """What the machine lacks for it."""
    if client["mai_database"] == "sqlite":
        return []
    programs = client["mai_database"] == "external" and not seen["database"]["programs"]
    return [*([] if seen["database"]["driver"] else [DRIVER]), *([PROGRAMS] if programs else [])]


def why(client: Values, seen: Values, planned: Values) -> t.Iterator[str]:
    """Why the instance has to be started for its sake."""
    if planned["stopped"]:
        yield "its database does not run"
    elif client["mai_database"] != "sqlite" and False in (seen["database"]["in_use"], seen["database"]["as_wanted"]):
        yield "its database's address or password"


def problems(client: Values, seen: Values) -> t.Iterator[str]:
    """What stands in the way."""
    found, wanted = seen["database"], client["mai_database"]
    there = found["exists"] and ("external" if not found["own"] else "postgresql")
    if there and found["kind"] == "sqlite":
        there = "sqlite"
    if there and there != wanted:
        yield (
            f"its data is in {NAMES[there]} ({shown(found['path'])}), and mai_database is {wanted}. A run carries no "
            f"data from one database to another: set mai_database to {there} again"
        )
        return
    yield from _packages(client, seen)
    if found["as_wanted"] is False:
        return  # of the wanted one it is asked once the machine knows where that is
    if found["error"] and found["error_reason"] not in CURED:
        # What cannot be read says nothing about what there is to do: the instance is left as it is until it can
        yield f"its database cannot be read: {found['error']}"
    if wanted == "external":
        yield from _elsewhere(client, seen)


def _packages(client: Values, seen: Values) -> t.Iterator[str]:
    machine, missing = seen["machine"], packages(client, seen)
    if missing and not (machine["root"] and machine["system_id"] in ("debian", "ubuntu")):
        yield f"PostgreSQL needs {', '.join(missing)} on the machine: install what these packages are called there"


def _elsewhere(client: Values, seen: Values) -> t.Iterator[str]:
    """A URL may name a database of somebody else's, or one that the data was not brought to."""
    found = seen["database"]
    others = [row["id"] for row in found["organizations"] if row["id"] != shown(client["mai_client_id"])]
    if others and len(others) == len(found["organizations"]) and (not seen["key_hash"] or found["in_use"] is False):
        yield (
            f"the database {shown(found['path'])} holds the organisation {some_of(others)}, which is not "
            f"{client['mai_client_id']}: give each client a database of its own"
        )
    if found["in_use"] is False and not found["error"] and not found["users"] and seen["key_hash"]:
        yield (
            f"the database {shown(found['path'])} has no users, and is another one than the instance uses: bring its "
            "data there first (pg_dump, pg_restore), or set mai_database_url as it was"
        )
