# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host in the files of an inventory: its entry under a group, and the file of its variables.

This is private to the collection. What is written was decided elsewhere (_new_client.py).
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import (
    VAULT,
    Edit,
    NotRecordable,
    check_writable,
    dumped,
    edited,
    files_of,
    mapping,
    read,
    written,
    yaml_of,
)

try:
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken
except ImportError:  # _host_vars says so
    pass

GROUP = "mai_clients"
YAML_FILES = (".yml", ".yaml")


@dataclass(frozen=True)
class Host:
    slug: str
    entry: t.Mapping[str, t.Any]
    variables: t.Mapping[str, t.Any]
    # A client of the same machine: its group is the new one's, and what Ansible needs to reach it
    beside: str | None = None


@dataclass(frozen=True)
class Place:
    """The group of a file under which a client is, or is to be."""

    path: str
    steps: tuple[str, ...]


def directory_of(sources: t.Sequence[str]) -> str:
    """The inventory, if it is one whose files a client can be added to."""
    wish = "Give one directory with hosts.yml in it, as in -i inventories/production, and it is added there"
    if len(sources) != 1:
        found = "there is none" if not sources else f"there are {len(sources)} (-i {' -i '.join(map(str, sources))})"
        raise NotRecordable(f"A client is added to one inventory, and {found}. {wish}.")
    [source] = sources
    if not os.path.isdir(source):
        if "," in source:
            kind = "a list of hosts"
        elif not os.path.exists(source):
            kind = "not there"
        else:
            kind = "a program" if os.access(source, os.X_OK) else "a single file"
        raise NotRecordable(f"The inventory {source} is {kind}, no directory. {wish}.")
    return str(source)


def edits(directory: str, host: Host) -> list[Edit]:
    """What has to be written, in this order: the variables first, so that no run meets a client without them."""
    place = _place(directory, host.beside)
    before = read(place.path) if os.path.exists(place.path) else ""
    entry = {**(_reached_by(directory, place, host.beside) if host.beside else {}), **host.entry}
    after = edited(place.path, before, lambda content: _enter(content, place.steps, host.slug, entry))
    found = [_variables(directory, host), Edit(place.path, before, after)]
    for one in found:
        if one.changed:
            check_writable(one.path)
    return found


def leftovers(directory: str, slug: str) -> list[str]:
    return files_of(os.path.join(directory, "host_vars"), slug)


def _variables(directory: str, host: Host) -> Edit:
    path = os.path.join(directory, "host_vars", f"{host.slug}.yml")
    text = "---\n" + as_yaml(host.variables)
    there = leftovers(directory, host.slug)
    # A run that was killed before the client's entry was written left just this
    if there and [read(one) for one in there] != [text]:
        raise NotRecordable(
            f"{there[0]} is there already, of a client that {directory} does not have: see whose it was, and remove "
            "it, or choose another slug"
        )
    return Edit(path, text if there else "", text)


def as_yaml(variables: t.Mapping[str, t.Any], plain: bool = False) -> str:
    """A mapping as an inventory's file has it; ``plain`` without tags, where templates are meant."""
    return dumped(yaml_of(), CommentedMap((name, written(one, plain)) for name, one in variables.items()))


def _place(directory: str, beside: str | None) -> Place:
    """Where the neighbour is; else the group of all clients; else a new file."""
    places: list[Place] = []
    others: list[str] = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name.startswith(".") or not os.path.isfile(path):
            continue
        if not name.endswith(YAML_FILES):
            others.append(path)
            continue
        text = read(path)
        if text.startswith(VAULT):
            others.append(path)
            continue
        content = mapping(path, text)[1]
        found = [Place(path, steps) for steps in _groups(content)]
        for place in found:
            hosts = (_at(content, place.steps) or {}).get("hosts") or {}
            if beside and beside in hosts and GROUP in place.steps:
                return place
        places += [place for place in found if place.steps[-1] == GROUP]
    if places:
        # Of several the one that holds something
        return max(places, key=lambda place: bool(_at(mapping(place.path, read(place.path))[1], place.steps)))
    path = os.path.join(directory, "hosts.yml")
    if path in others:
        raise NotRecordable(f"{path} is encrypted as a whole; add the client there with ansible-vault edit")
    if others and not os.path.exists(path):
        raise NotRecordable(
            f"{others[0]} is not YAML, and the clients' group {GROUP} is in no YAML file of {directory}: put the "
            "clients into hosts.yml there (ansible-inventory --list --yaml shows them as YAML)"
        )
    return Place(path, (GROUP,))


def _groups(content: t.Any, above: tuple[str, ...] = ()) -> t.Iterator[tuple[str, ...]]:
    """Each group of a file, by the names that lead to it."""
    for name, group in content.items() if isinstance(content, t.Mapping) else ():
        steps = (*above, name)
        yield steps
        if isinstance(group, t.Mapping):
            yield from _groups(group.get("children"), (*steps, "children"))


def _at(content: t.Any, steps: tuple[str, ...]) -> t.Any:
    for step in steps:
        content = (content or {}).get(step)
    return content


def _enter(content: t.Any, steps: tuple[str, ...], slug: str, entry: t.Mapping[str, t.Any]) -> None:
    for step in (*steps, "hosts"):
        if content.get(step) is None:
            content[step] = CommentedMap()
        content = content[step]
    new = CommentedMap((name, written(one) if isinstance(one, str) else one) for name, one in entry.items())
    below = _taken_from_below(content)
    if below:
        new.ca.items[list(new)[-1]] = [None, None, CommentToken(below, CommentMark(0)), None]
    content[written(slug)] = new


def _taken_from_below(hosts: t.Any) -> str:
    """Blank lines and comments after the last host: they are about what comes next, and go below the new one."""
    node, name = hosts, None
    while isinstance(node, CommentedMap) and node:
        parent, name = node, list(node)[-1]
        node = node[name]
    if name is None or not parent.ca.items.get(name):
        return ""
    token = parent.ca.items[name][2]
    if not isinstance(token, CommentToken):
        return ""
    own, _break, below = token.value.partition("\n")
    if not below:
        return ""
    token.value = own + "\n"
    return "\n" + below


def _reached_by(directory: str, place: Place, neighbour: str) -> dict[str, t.Any]:
    """How Ansible reaches the neighbour's machine, as far as its own entry and file say so; as it is written there."""
    hosts = (_at(mapping(place.path, read(place.path))[1], place.steps) or {}).get("hosts") or {}
    found: dict[str, t.Any] = {}
    files = [path for path in leftovers(directory, neighbour) if path.endswith(YAML_FILES)]
    for own in (hosts.get(neighbour), *(mapping(path, read(path))[1] for path in files)):
        if isinstance(own, t.Mapping):
            found.update((name, one) for name, one in own.items() if str(name).startswith("ansible_"))
    return found
