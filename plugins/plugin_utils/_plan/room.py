# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a machine is finite, counted before a key is made: disk, memory, ports, Docker's ranges of addresses.

This is private to the collection. ``archive`` is ``path`` and ``bytes`` (None: it is not there) of the file on the
controller that brings a missing image; ``neighbours`` are the play's other clients on the same machine.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._instance.networks import MOST as MOST_COUNTED
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import GIB
from ansible_collections.mai.clients.plugins.plugin_utils._variables import memory_bytes

Values = t.Mapping[str, t.Any]

DATA_MINIMUM = 1 * GIB
# One of a release of Open WebUI takes five; whoever has a smaller one is only told
IMAGE_MINIMUM, IMAGE_LEAST = 6 * GIB, 1 * GIB
# What a start takes; where it ends in the middle, the kernel picks what it ends, of any client
MEMORY_MINIMUM = GIB // 2
POOLS = "default-address-pools"
MORE_NETWORKS = f'"{POOLS}": [{{"base": "10.201.0.0/16", "size": 24}}]'
FEW_NETWORKS = 4


def gib(number: int) -> str:
    return f"{number / GIB:.1f} GiB"


def problems(client: Values, seen: Values, neighbours: t.Iterable[Values], archive: Values | None) -> t.Iterator[str]:
    yield from _disk(client, seen, archive)
    yield from _memory(client, seen)
    yield from _port(client, seen)
    yield from _networks(client, seen, neighbours)


def _is_new(seen: Values) -> bool:
    return not seen["containers"] and not seen["process"] and not (seen["unit"] or {}).get("exists")


def _disk(client: Values, seen: Values, archive: Values | None) -> t.Iterator[str]:
    free = seen["directory"]["free_bytes"]
    if free is not None and free < DATA_MINIMUM:
        yield f"only {gib(free)} are free for {client['mai_deployment_dir']}: make room, at least {gib(DATA_MINIMUM)}"
    if client["mai_deployment"] != "docker" or seen["image"]["present"]:
        return
    if archive:
        yield from _archive(client, seen, archive)
        return
    images = seen["docker"]["data_root_free_bytes"]
    if images is not None and images < IMAGE_LEAST:
        yield f"only {gib(images)} are free for Docker's images, so {client['mai_image']} cannot be pulled: make room"


def _archive(client: Values, seen: Values, archive: Values) -> t.Iterator[str]:
    """The file lies in the connection's folder until it is the client's, and there until Docker has unpacked it."""
    size = archive["bytes"]
    if size is None:
        yield f"mai_image_archive is {shown(archive['path'])}, which is not on the controller: correct it"
        return
    transfer, directory, docker = seen["machine"]["transfer"], seen["directory"], seen["docker"]
    ways = {}
    for place in (transfer, directory):
        ways[place["device"]] = (place["path"], place["free_bytes"], size)
    if docker["data_root_device"] is not None:
        path, free, there = ways.get(docker["data_root_device"], ("Docker's images", docker["data_root_free_bytes"], 0))
        ways[docker["data_root_device"]] = (path, free, there + size)
    for path, free, needed in ways.values():
        if free is not None and free < needed:
            yield (
                f"{shown(path)} has {gib(free)} free, and the image's archive needs {gib(needed)} there on its way to "
                "Docker: make room, or load the image on the machine yourself"
            )


def _memory(client: Values, seen: Values) -> t.Iterator[str]:
    machine = seen["machine"]
    limit = memory_bytes(client["mai_memory_limit"]) if client["mai_memory_limit"] else None
    if limit and limit > machine["memory_bytes"]:
        yield f"mai_memory_limit is {gib(limit)}, more than the machine has: {gib(machine['memory_bytes'])}"
    left = (machine["memory_available_bytes"] or 0) + (machine["swap_free_bytes"] or 0)
    if machine["memory_available_bytes"] is not None and _is_new(seen) and left < MEMORY_MINIMUM:
        yield (
            f"only {gib(left)} of memory and swap are free, and one more instance needs {gib(MEMORY_MINIMUM)} to "
            "start: add some, or move clients to another machine"
        )


def _port(client: Values, seen: Values) -> t.Iterator[str]:
    """What is stopped now and starts again some day would find its port taken."""
    port = seen["port"]
    if port["bindable"] is False and _is_new(seen):
        yield f"mai_bind_address {shown(client['mai_bind_address'] or '::')} is no address of the machine: correct it"
    if port["listening"] or port["ours"] or not _is_new(seen):
        return
    for container in seen["foreign_containers"][:1]:
        yield (
            f"port {port['number']} is that of container {shown(container['name'])}, which is stopped and could not "
            "start again: choose another mai_port"
        )


def _networks(client: Values, seen: Values, neighbours: t.Iterable[Values]) -> t.Iterator[str]:
    """Each client has a network of its own. Of the play's new ones, the first by name get what is left."""
    left = seen["docker"]["networks_left"]
    if client["mai_deployment"] != "docker" or seen["containers"] or left is None:
        return
    before = [one["slug"] for one in neighbours if one["needs_network"] and one["slug"] < client["slug"]]
    if len(before) < left or left >= MOST_COUNTED:
        return
    yield (
        "Docker has no range of addresses left on the machine for one more network, and each client has one"
        + (f" ({', '.join(map(shown, before))} of this run took the last)" if left else "")
        + f". Give it more in /etc/docker/daemon.json, a range that nothing else of yours uses: {MORE_NETWORKS}, "
        "and restart Docker when people can wait a minute: each instance restarts with it"
    )


def warnings(client: Values, seen: Values) -> t.Iterator[str]:
    """What is enough now, and may not be for long."""
    limit = memory_bytes(client["mai_memory_limit"]) if client["mai_memory_limit"] else 0
    total, memory = (limit or 0) + seen["memory_limits_bytes"], seen["machine"]["memory_bytes"]
    if total > memory:
        yield f"the memory limits of all clients of this machine add up to {gib(total)}; it has {gib(memory)}"
    docker = seen["docker"]
    if client["mai_deployment"] != "docker":
        return
    room = docker["data_root_free_bytes"]
    if not seen["image"]["present"] and room is not None and room < IMAGE_MINIMUM:
        yield f"only {gib(room)} are free for images; an image of mAI may need {gib(IMAGE_MINIMUM)}"
    if docker["networks_left"] is not None and 0 < docker["networks_left"] < FEW_NETWORKS:
        left = docker["networks_left"]
        more = "one more client" if left == 1 else f"{left} more clients"
        yield f"Docker's ranges of addresses allow {more}, see {POOLS} in its documentation"
