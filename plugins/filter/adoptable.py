# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was made by hand on a machine, and the entries of an inventory to adopt it with."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import account_keys
from ansible_collections.mai.clients.plugins.plugin_utils._inventory_files import as_yaml
from ansible_collections.mai.clients.plugins.plugin_utils._machines import fleet_of, way_to
from ansible_collections.mai.clients.plugins.plugin_utils._plan import adoptable
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook
from ansible_collections.mai.clients.plugins.plugin_utils._table import table
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

Values = t.Mapping[str, t.Any]


def way_to_machine(machine: str, groups: t.Mapping[str, t.Sequence[str]], hostvars: t.Mapping[str, Values]) -> t.Any:
    return way_to(fleet_of(groups, hostvars), str(machine), groups.get("all", ()))


def adoptable_text(
    found: t.Sequence[Values],
    machine: str,
    keys: t.Sequence[Values],
    groups: t.Mapping[str, t.Sequence[str]],
    hostvars: t.Mapping[str, Values],
) -> str:
    instances, listed, fleet = plain(found), account_keys(plain(keys)), fleet_of(groups, hostvars)
    by_hash = {key.hash: key for key in listed}
    lines = [f"Made by hand on {shown(machine)}: {len(instances) or 'nothing'}"]
    if instances:
        lines += ["", *table(adoptable.rows(instances, by_hash))]
        entries: list[dict[str, t.Any]] = []
        for one in instances:
            entries.append(adoptable.entry(one, by_hash, str(machine), fleet, [made["slug"] for made in entries]))
        lines += ["", "Their entries for the inventory. Check them, then adopt one after the other:"]
        lines += [f"  ansible-playbook {playbook('adopt_client')} -e client={entries[0]['slug']} --check"]
        lines += ["", "# hosts.yml, below mai_clients: hosts:"]
        lines += _indented(as_yaml({entry["slug"]: entry["host"] for entry in entries}), 4)
        for entry in entries:
            lines += ["", f"# host_vars/{entry['slug']}.yml", "---", *as_yaml(entry["variables"]).splitlines()]
    others = adoptable.unclaimed(instances, listed, fleet)
    if others:
        rows = [("key", "hash", "used", "could be of")]
        rows += [
            (shown(key.name, 50), f"{key.hash[:12]}…", f"{key['usage'] or 0:.2f} USD", shown(whose, 80))
            for key, whose in others
        ]
        lines += ["", "Keys at OpenRouter that belong to no client of the inventory:", "", *table(rows)]
    return "\n".join(lines)


def _indented(text: str, spaces: int) -> list[str]:
    return [" " * spaces + line if line else line for line in text.splitlines()]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"way_to_machine": way_to_machine, "adoptable_text": adoptable_text}
