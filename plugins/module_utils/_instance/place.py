# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a client's instance keeps its data, as its directory on the machine tells: the only place that knows.

In SQLite's webui.db; in the PostgreSQL that runs beside the instance, which publishes no port and is reached by its
container's address; or in one elsewhere, by its URL as it was given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError
from ansible_collections.mai.clients.plugins.module_utils._database_postgresql import shown_url
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import host_in_url
from ansible_collections.mai.clients.plugins.module_utils._instance import engine, folder, system

# What the instance is told, and in its own service's case the service as well, in the official image's words
FILE = "database.env"
URL = "DATABASE_URL"
USER, PASSWORD, NAME = "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"
# What the address begins with, by the driver that the instance has
SCHEMES = {"psycopg2": "postgresql", "psycopg": "postgresql+psycopg"}
# The data of the client's own service, in its directory
DATA = "postgresql"


@dataclass(frozen=True, repr=False)
class Place:
    """It holds a password: it stays inside the module."""

    directory: str
    variables: dict[str, str]

    @property
    def kind(self) -> str:
        return "postgresql" if self.variables.get(URL) else "sqlite"

    @property
    def path(self) -> str:
        """Of SQLite's file."""
        return os.path.join(self.directory, "data", "webui.db")

    @property
    def container(self) -> str | None:
        """The client's own service, by its name; None where the database is elsewhere."""
        if self.kind == "sqlite" or not self.variables.get(PASSWORD):
            return None
        return self.variables[URL].rpartition("@")[2].partition(":")[0]

    @property
    def shown(self) -> str:
        """For people; no password is in it."""
        if self.kind == "sqlite":
            return self.path
        where = shown_url(self.variables[URL])
        return f"postgresql://{where}" if where else "the PostgreSQL database of mai_database_url"

    @property
    def copy_name(self) -> str:
        """What a copy of it is called."""
        return folder.COPIES[self.kind == "postgresql"]

    def exists(self) -> bool | None:
        """Whether there is data; None for one elsewhere, which has to be asked."""
        if self.kind == "sqlite":
            return os.path.lexists(self.path)
        return os.path.lexists(os.path.join(self.directory, DATA)) if self.container else None

    def reached(self) -> dict[str, Any]:
        """The options by which transaction() reaches it from this machine."""
        if self.kind == "sqlite":
            return {"path": self.path}
        if not self.container:
            return {"url": self.variables[URL]}
        user, password, name = (self.variables.get(part, "") for part in (USER, PASSWORD, NAME))
        address = host_in_url(engine.address(self.running()))
        return {"url": f"postgresql://{user}:{password}@{address}/{name}"}

    def runs(self) -> bool:
        try:
            return bool(self.running())
        except DatabaseError:
            return False

    def running(self) -> dict[str, Any]:
        """The container of the client's own service, as the engine describes it. Raise DatabaseError if it rests."""
        found = engine.inspect_containers(system.Command(0, self.container or "", ""))
        state = (found[0].get("State") or {}).get("Status") if found else "not there"
        if state != "running":
            raise DatabaseError(
                f"The database's container {self.container} does not run ({state}). The next onboard_client.yml starts "
                "it; docker logs tells why it ended.",
                "stopped",
            )
        return found[0]


def place_of(directory: str) -> Place:
    return Place(directory, folder.variables(directory, FILE))
