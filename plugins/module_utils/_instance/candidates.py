# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place of a machine where a key of a client may be. What comes from here must not leave the target."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.mai.clients.plugins.module_utils._instance import database, engine, folder, native, system
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of

_KEY_VARIABLES = ("OPENAI_API_KEY", "OPENROUTER_API_KEY")
# What a guide-made deployment keeps its key in.
GUIDE_FILE = ".env"


def named_keys(environments: list[dict[str, str]]) -> list[str]:
    found = [environment.get(name) for environment in environments for name in _KEY_VARIABLES]
    return [key for key in found if key]


def keys(client: str, service: str, directory: str) -> Iterator[tuple[str, str]]:
    """(where, key) of each key found, the running instance first."""
    environments = [
        engine.environment(entry)
        for entry in engine.inspect_containers()
        if engine.is_of_client(entry, service, client)
    ]
    process, (unit, _words) = native.process(directory), native.unit(service, client)
    pids = [process["pid"] if process and process["running"] else None, unit["main_pid"] if unit else None]
    environments += [system.process_environment(pid) for pid in pids if pid]
    environments.append(folder.variables(directory, GUIDE_FILE))
    for key in named_keys(environments):
        yield "environment", key
    contents = database.look(place_of(directory))
    for _url, key in contents.saved.connections():
        yield "saved in Open WebUI", key
    for _organization, key in contents.organization_keys:
        yield "organisation row", key
