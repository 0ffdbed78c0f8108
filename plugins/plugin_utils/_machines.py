# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as an inventory of clients knows them: who lives there, and how one is reached.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import WAY, other_variable
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

GROUP = "mai_clients"
# By which a machine of which no client is known yet is reached; none of them is a secret
REACHED_BY = (*WAY, "ansible_ssh_private_key_file", "ansible_python_interpreter")

Values = t.Mapping[str, t.Any]


def clients_of(groups: t.Mapping[str, t.Sequence[str]], hostvars: t.Mapping[str, Values]) -> dict[str, Values]:
    return {slug: hostvars[slug] for slug in groups.get(GROUP, ())}


def fleet_of(groups: t.Mapping[str, t.Sequence[str]], hostvars: t.Mapping[str, Values]) -> Fleet:
    return Fleet(clients_of(groups, hostvars), {*groups, *groups.get("all", ())})


def way_to(fleet: Fleet, machine: str, hosts: t.Container[str]) -> dict[str, t.Any]:
    """By whom the machine can be asked: one of its clients among the run's hosts; else a host like one of its clients,
    or like the last one, as its group has it.
    """
    there = fleet.on(machine)
    known = [slug for slug in there if slug in hosts]
    if known:
        return {"through": known[-1], "connection": {}}
    like = [fleet.clients[slug] for slug in there[-1:]] or list(fleet.clients.values())[-1:]
    way = {name: other_variable(one, name) for one in like for name in REACHED_BY}
    return {"through": "", "connection": {name: plain(one) for name, one in way.items() if one is not None}}
