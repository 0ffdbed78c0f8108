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
from ansible_collections.mai.clients.plugins.plugin_utils import (
    _inventory_backend,
    _inventory_files,
    _new_client,
    _terminal,
)
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import ControllerError
from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import Edit, NotRecordable
from ansible_collections.mai.clients.plugins.plugin_utils._interview import Interview, Unknown
from ansible_collections.mai.clients.plugins.plugin_utils._machines import clients_of, way_to
from ansible_collections.mai.clients.plugins.plugin_utils._names import FACTS
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
        except (NotRecordable, ControllerError, Unknown) as error:
            raise Refusal(f"{_sentence(error)}. Nothing was written.", result={"changed": False}) from None
        except OSError as error:
            reason = f"{error.filename or 'The inventory'} cannot be written ({error.strerror}). Run again after that."
            raise Refusal(reason, result={"changed": False}) from None

    def _operate(self, options: Values, task_vars: Values) -> Values:
        clients = clients_of(task_vars["groups"], task_vars["hostvars"])
        backend = _inventory_backend.chosen(options["backend"], clients.values())
        with _inventory_backend.opened(backend, options["awx_inventory"], task_vars) as inventory:
            return self._added(inventory, options, task_vars)

    def _added(self, inventory: _inventory_backend.Backend, options: Values, task_vars: Values) -> Values:
        given = {**self._extra_variables(), **(options["variables"] or {})}
        fleet = inventory.fleet()
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
                **way_to(fleet, machine, task_vars["groups"].get("all", ())),
                "notes": interview.notes,
            }
        slug, machine = str(options["client"]), str(options["machine"])
        if slug in fleet.clients:
            return self._already(fleet, slug, machine, interview.given, inventory)
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
        edits = inventory.edits(host)
        if interview.asked and not self._confirmed(host, edits):
            raise Left
        if inventory.moved(host, edits):
            raise Unknown("Somebody changed the inventory meanwhile. Run this again")
        if not self._task.check_mode:
            for one in edits:
                one.write()
        result: Values = {"changed": True, "client": slug, "machine": machine, "notes": interview.notes}
        result["files"] = [one.path for one in edits]
        result["in_job"] = in_job(os.environ)
        result["host"] = inventory.for_the_run(host)
        if self._task.diff:
            result["diff"] = _diff(host, edits)
        return result

    def _extra_variables(self) -> Values:
        """What was given with -e, as data: a template in it is none.

        It is the new client's alone, and Ansible would say it of every client. This process is the task's own, so what
        is taken out of its extra variables here, other tasks still have.
        """
        extra = load_extra_vars(self._loader)
        found = {name: plain(extra.pop(name)) for name in [*extra] if name.startswith("mai_")}
        return {name: one for name, one in found.items() if name not in (*_inventory_backend.OWN, *FACTS)}

    @staticmethod
    def _already(fleet: Fleet, slug: str, machine: str, given: Values, inventory: _inventory_backend.Backend) -> Values:
        where = inventory.where(slug)
        differs = _new_client.differences(fleet, slug, machine, given)
        if differs:
            raise Unknown(
                "\n- ".join(
                    [
                        f"There is a client {shown(slug)} already, and it is another (see {[*where, inventory][0]}):",
                        *differs,
                    ]
                )
            )
        notes = ["the inventory has this client already"]
        return {"client": slug, "machine": machine, "files": where, "notes": notes, "in_job": in_job(os.environ)}

    @staticmethod
    def _confirmed(host: _inventory_files.Host, edits: list[Edit]) -> bool:
        lines = [f"  {name}: {shown(value)}" for name, value in {**host.entry, **host.variables}.items()]
        _terminal.tell("\n".join([f"{host.slug}:", *lines, "It is written to", *(f"  {one.path}" for one in edits)]))
        return _terminal.agreed("Write it?")


def _sentence(error: Exception) -> str:
    words = str(error).rstrip(".")
    return f"{words[0].upper()}{words[1:]}" if words.startswith(("the ", "there ", "it ", "this ")) else words


def _diff(host: _inventory_files.Host, edits: list[Edit]) -> list[Values]:
    """Of files the variables and the entry; AWX has them in one place."""
    added = (host.variables, {host.slug: host.entry})
    parts = added if len(edits) == len(added) else ({host.slug: {**host.entry, **host.variables}},)
    return [
        {"before": {}, "after": plain(values), "before_header": one.path, "after_header": one.path}
        for one, values in zip(edits, parts)
        if one.changed
    ]
