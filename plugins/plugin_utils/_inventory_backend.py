# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an inventory is kept, and what is written there: in files, or by AWX itself (mai_inventory_backend).

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils import _host_vars, _inventory_files, _machines
from ansible_collections.mai.clients.plugins.plugin_utils._awx import inventory as of_awx
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import Controller, login
from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import Edit, NotRecordable
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._values import is_template

Values = t.Mapping[str, t.Any]

# Variables about the inventory, and no client's own
OWN = ("mai_inventory_backend", "mai_awx_inventory")
_IN_A_JOB = (
    "this is a job of a controller, whose copy of the inventory is thrown away after it. If AWX itself keeps the "
    "inventory, set mai_inventory_backend to awx"
)


class Backend(t.Protocol):
    """An inventory, to which a client is added."""

    def fleet(self) -> Fleet: ...

    def where(self, slug: str) -> list[str]:
        """What there is of a client, for people."""

    def edits(self, host: _inventory_files.Host) -> list[Edit]: ...

    def moved(self, host: _inventory_files.Host, edits: list[Edit]) -> bool:
        """Whether somebody changed the inventory since the edits were made."""

    def for_the_run(self, host: _inventory_files.Host) -> dict[str, t.Any]:
        """What the run has to be told of the new client, where it does not learn it by reading its inventory again."""


class Files:
    """A directory of YAML files, the run's own inventory."""

    def __init__(self, variables: Values) -> None:
        if in_job(os.environ):
            raise NotRecordable(
                f"{_IN_A_JOB}; else add the client where the inventory comes from: run this in a clone of it, and push"
            )
        self._variables = variables
        self._directory = _inventory_files.directory_of(variables.get("ansible_inventory_sources") or [])

    def fleet(self) -> Fleet:
        return _machines.fleet_of(self._variables["groups"], self._variables["hostvars"])

    def where(self, slug: str) -> list[str]:
        return _inventory_files.leftovers(self._directory, slug)

    def edits(self, host: _inventory_files.Host) -> list[Edit]:
        return _inventory_files.edits(self._directory, host)

    def moved(self, host: _inventory_files.Host, edits: list[Edit]) -> bool:
        return self.edits(host) != edits

    def for_the_run(self, host: _inventory_files.Host) -> dict[str, t.Any]:
        return {}

    def __str__(self) -> str:
        return self._directory


class Awx:
    """An inventory of AWX as it is now, whatever the run itself was started with."""

    def __init__(self, inventory: of_awx.Inventory, variables: Values) -> None:
        self._inventory = inventory
        self._variables = variables
        self._tree = inventory.tree()

    def fleet(self) -> Fleet:
        return of_awx.fleet_of(self._tree, self._variables["hostvars"])

    def where(self, slug: str) -> list[str]:
        return [f"{self._inventory}, host {slug}"]

    def edits(self, host: _inventory_files.Host) -> list[Edit]:
        return [self._inventory.addition(self._tree, host)]

    def moved(self, host: _inventory_files.Host, edits: list[Edit]) -> bool:
        return self._inventory.tree() != self._tree

    def for_the_run(self, host: _inventory_files.Host) -> dict[str, t.Any]:
        """A job's inventory is a program, which says what it said before."""
        reached = of_awx.reached_by(self._tree, host.beside)
        plain = {name: one for name, one in reached.items() if not is_template(one)}
        return {"name": host.slug, "groups": [_machines.GROUP], **plain, **host.entry, **host.variables}

    def __str__(self) -> str:
        return str(self._inventory)


def chosen(given: str | None, clients: t.Iterable[Values] = ()) -> str:
    """The backend of a run: what was given; else what all clients have, from their group."""
    if given:
        return given
    said = {_machines.other_variable(one, "mai_inventory_backend", "files") for one in clients}
    return "awx" if said == {"awx"} else "files"


@contextlib.contextmanager
def _inventory(given: t.Any, variables: Values) -> t.Iterator[of_awx.Inventory]:
    with Controller(login(os.environ)) as controller:
        yield of_awx.Inventory.find(controller, of_awx.which(given, variables))


@contextlib.contextmanager
def opened(backend: str, awx_inventory: t.Any, variables: Values) -> t.Iterator[Backend]:
    """The inventory to which clients are added, for as long as it takes."""
    _host_vars.check_library()
    if backend != "awx":
        yield Files(variables)
        return
    with _inventory(awx_inventory, variables) as inventory:
        yield Awx(inventory, variables)


@contextlib.contextmanager
def recording(
    backend: str, awx_inventory: t.Any, variables: Values, name: str, value: t.Any
) -> t.Iterator[_host_vars.Edit]:
    """What has to be written so that the host of the task has this value."""
    _host_vars.check_library()
    host, directory = str(variables["inventory_hostname"]), variables.get("inventory_dir")
    if backend == "awx":
        with _inventory(awx_inventory, variables) as inventory:
            yield inventory.recording(host, name, value)
        return
    if in_job(os.environ):
        raise NotRecordable(f"{_IN_A_JOB}; else set {name} where the inventory comes from")
    if not directory:
        raise NotRecordable("the inventory is not made of files")
    yield _host_vars.edit(str(directory), host, name, value)
