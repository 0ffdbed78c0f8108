# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/inventory_client.py."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.modules.inventory_client import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils import _inventory_files, _new_client, _terminal
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import Edit, NotRecordable, thrown_away
from ansible_collections.mai.clients.plugins.plugin_utils._interview import Interview, Unknown
from ansible_collections.mai.clients.plugins.plugin_utils._machines import fleet_of, way_to
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal
from ansible_collections.mai.clients.plugins.plugin_utils._terminal import Left
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

Values = dict[str, t.Any]


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Values | None = None) -> Values:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        try:
            return {**result, "changed": False, "left": False, **self._operate(plain(options), variables)}
        except Left:
            return {**result, "changed": False, "left": True}
        except (NotRecordable, Unknown) as error:
            raise Refusal(f"{str(error).rstrip('.')}. Nothing was written.", result={"changed": False}) from None
        except OSError as error:
            reason = f"{error.filename or 'The inventory'} cannot be written ({error.strerror}). Run again after that."
            raise Refusal(reason, result={"changed": False}) from None

    def _operate(self, options: Values, task_vars: Values) -> Values:
        if thrown_away(os.environ):
            raise NotRecordable(
                "This is a job of a controller, whose copy of the inventory is thrown away after it. Add the client "
                "where the inventory comes from: run this in a clone of it, and push"
            )
        directory = _inventory_files.directory_of(task_vars.get("ansible_inventory_sources") or [])
        given = {**self._extra_variables(), **(options["variables"] or {})}
        fleet = fleet_of(task_vars["groups"], task_vars["hostvars"])
        interview = Interview(fleet, given, options["ask"])
        interview.check_given()
        if options["until"] == "machine":
            slug, known = interview.who(options["client"])
            machine = (
                fleet.machine_of(slug) if known and not options["machine"] else interview.where(options["machine"])
            )
            return {
                "client": slug,
                "machine": machine,
                "variables": {"mai_client_name": interview.given.get("mai_client_name")},
                "known": known,
                **way_to(fleet, machine),
                "notes": interview.notes,
            }
        slug, machine = str(options["client"]), str(options["machine"])
        if slug in fleet.clients:
            return self._already(fleet, slug, machine, interview.given, directory)
        listening = options["listening"]
        if options["not_asked"]:
            interview.note(f"{machine} could not be asked which ports are taken ({options['not_asked']})")
        found = interview.rest(machine, listening, asked=not options["not_asked"])
        wrong = _new_client.problems(fleet, slug, machine, listening, found)
        if wrong:
            raise Unknown("\n- ".join([f"{shown(slug)} cannot be added:", *wrong]))
        host = _inventory_files.Host(
            slug,
            {"ansible_host": machine, "mai_port": found["mai_port"]},
            {name: value for name, value in found.items() if name != "mai_port"},
            beside=(fleet.on(machine) or [None])[-1],
        )
        edits = _inventory_files.edits(directory, host)
        if interview.asked and not self._confirmed(host, edits):
            raise Left
        if _inventory_files.edits(directory, host) != edits:
            raise Unknown("Somebody changed the inventory meanwhile. Run this again")
        if not self._task.check_mode:
            for one in edits:
                one.write()
        result: Values = {"changed": True, "client": slug, "machine": machine, "notes": interview.notes}
        result["files"] = [one.path for one in edits]
        if self._task.diff:
            result["diff"] = _diff(host, edits)
        return result

    def _extra_variables(self) -> Values:
        """What was given with -e, as data: a template in it is none.

        It is the new client's alone, and Ansible would say it of every client. This process is the task's own, so what
        is taken out of its extra variables here, other tasks still have.
        """
        extra = load_extra_vars(self._loader)
        return {name: plain(extra.pop(name)) for name in [*extra] if name.startswith("mai_")}

    @staticmethod
    def _already(fleet: Fleet, slug: str, machine: str, given: Values, directory: str) -> Values:
        differs = _new_client.differences(fleet, slug, machine, given)
        if differs:
            where = _inventory_files.leftovers(directory, slug) or [directory]
            raise Unknown(
                "\n- ".join([f"There is a client {shown(slug)} already, and it is another (see {where[0]}):", *differs])
            )
        files = _inventory_files.leftovers(directory, slug)
        return {"client": slug, "machine": machine, "files": files, "notes": ["the inventory has this client already"]}

    @staticmethod
    def _confirmed(host: _inventory_files.Host, edits: list[Edit]) -> bool:
        lines = [f"  {name}: {shown(value)}" for name, value in {**host.entry, **host.variables}.items()]
        _terminal.tell("\n".join([f"{host.slug}:", *lines, "It is written to", *(f"  {one.path}" for one in edits)]))
        return _terminal.agreed("Write it?")


def _diff(host: _inventory_files.Host, edits: list[Edit]) -> list[Values]:
    added = (host.variables, {host.slug: host.entry})
    return [
        {"before": {}, "after": plain(values), "before_header": one.path, "after_header": one.path}
        for one, values in zip(edits, added)
        if one.changed
    ]
