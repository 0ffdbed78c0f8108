# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What on a machine stands in the way of one client's instance, from what M(mai.clients.instance_info) saw there.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._plan import database, native, room
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import (
    keeper,
    last_image_is_gone,
    service,
    upgrade_command,
)

PLACEHOLDER_IMAGE = "your-mai-image:latest"
# Systems whose own packages bring Compose v2, and what these are called there
PACKAGES: dict[str, dict[str, list[str]]] = {
    "debian-13": {"engine": ["docker.io", "docker-cli"], "compose": ["docker-compose"]},
    "ubuntu-22.04": {"engine": ["docker.io"], "compose": ["docker-compose-v2"]},
    "ubuntu-24.04": {"engine": ["docker.io"], "compose": ["docker-compose-v2"]},
}
DOCKERS_OWN = {"engine": ["docker-ce", "docker-ce-cli", "containerd.io"], "compose": ["docker-compose-plugin"]}


def somebody_elses(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    away = (
        "Nothing of it is taken over or replaced in passing: where it is this client's, made by hand, run "
        f"adopt_client.yml -e client={client['slug']} --check; else put it away by hand, or give the client another "
        "place"
    )
    directory = seen["directory"]
    if directory["exists"] and not directory["empty"] and not directory["managed"]:
        owner = directory["managed_by"]
        whose = f"belongs to {owner}" if owner else "was not made by this collection"
        yield f"the directory {directory['path']} {whose}. {away}"
    for container in seen["containers"]:
        if not container["managed"]:
            yield f"a container {container['name']} that was not made by this collection is on the machine. {away}"
    if seen["unit"] and seen["unit"]["exists"] and not seen["unit"]["managed"]:
        yield f"a systemd unit of this client that was not made by this collection is on the machine. {away}"
    port = seen["port"]
    if port["listening"] and not port["ours"]:
        holders = [container["name"] for container in seen["foreign_containers"]]
        holder = f"container {holders[0]}" if holders else port["process"] or "a program"
        yield f"port {port['number']} is already used by {holder} on this machine: choose another mai_port. {away}"


def _neighbours(client: t.Mapping[str, t.Any], neighbours: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    """What the inventory's addresses did not tell: other clients of the play turned out to live on the same machine."""
    for other in neighbours:
        if str(other["mai_port"]) == str(client["mai_port"]):
            yield f"mai_port {client['mai_port']} is also that of {other['slug']} on the same machine: choose another"
        if other["slug"].replace("-", "") == client["slug"].replace("-", ""):
            yield f"its container would be called like that of {other['slug']} on the same machine: rename one"


def _interrupted(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if seen["directory"]["upgrading"]:
        yield (f"an upgrade of the instance was interrupted and has to be finished first: {upgrade_command(client)}")
    if seen["directory"]["restoring"]:
        yield f"a restore was interrupted and has to be made again first: restore_client.yml -e client={client['slug']}"
    if seen["directory"]["adopting"]:
        yield f"its adoption was interrupted and has to be finished first: adopt_client.yml -e client={client['slug']}"


def _docker(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    docker, machine = seen["docker"], seen["machine"]
    packages = client["mai_docker_packages"]
    if docker["engine"] and docker["compose"]:
        if (
            client["mai_image"] == PLACEHOLDER_IMAGE
            and not seen["image"]["present"]
            and not client["mai_image_archive"]
        ):
            yield f"mai_image is the placeholder {PLACEHOLDER_IMAGE}: set it to the image of your mAI build"
        elif client["mai_image_pull"] == "never" and not seen["image"]["present"] and not client["mai_image_archive"]:
            yield (
                f"the image {client['mai_image']} is not on the machine and mai_image_pull is never: load it there, "
                "set mai_image_archive, or allow pulling"
            )
        return
    if client["mai_image"] == PLACEHOLDER_IMAGE and not client["mai_image_archive"]:
        yield f"mai_image is the placeholder {PLACEHOLDER_IMAGE}: set it to the image of your mAI build"
    if docker["cli"] and not docker["engine"] and docker["error"]:
        yield f"Docker is installed but its engine does not answer ({docker['error']}): start it, then run again"
        return
    missing = "Docker Compose v2" if docker["engine"] else "Docker with Compose v2"
    system = f"{machine['system_id']} {machine['system_version']}"
    if packages == "none":
        yield f"{missing} is missing and mai_docker_packages is none: install it, or allow this collection to"
    elif not machine["root"]:
        yield f"{missing} is missing and the connection is not root's: allow become, or install it"
    elif machine["system_id"] not in ("debian", "ubuntu"):
        yield f"{missing} is missing and {system} is not a system it can be installed on: install it yourself"
    elif packages == "distribution" and _system(machine) not in PACKAGES:
        yield f"{missing} is missing and {system} has no Compose v2: set mai_docker_packages to docker or auto"


def _native(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if client["mai_native_service"] == "systemd" and not (seen["machine"]["systemd"] and seen["machine"]["root"]):
        yield (
            "mai_native_service is systemd, but systemd does not run there, or the connection is not root's: "
            "use process"
        )


def _last_image(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Data without a container goes on with the image that it was last used with, and with no other."""
    last = seen["last_image"]
    if seen["containers"] or not seen["database"]["exists"]:
        return
    if not last:
        yield (
            "its data is there, but neither a container nor a compose.yml tells which image it was last used with, and "
            "another one could change the data for good. Put its compose.yml back, or write one there of three lines: "
            f"'services:', '  {service(client['slug'])}:', '    image: ' and the image's name"
        )
        return
    if last["present"]:
        return
    # The same name may still bring it; the run looks whether it did
    if last["reference"] == client["mai_image"] and not seen["image"]["present"]:
        return
    yield last_image_is_gone(client, last)


def machine_problems(
    client: t.Mapping[str, t.Any],
    seen: t.Mapping[str, t.Any],
    neighbours: t.Sequence[t.Mapping[str, t.Any]] = (),
    archive: t.Mapping[str, t.Any] | None = None,
) -> list[str]:
    """What must be put right on the machine before anything is done for this client."""
    deployment = _docker if client["mai_deployment"] == "docker" else _native
    return [
        *somebody_elses(client, seen),
        *_neighbours(client, neighbours),
        *_interrupted(client, seen),
        *database.problems(client, seen),
        *deployment(client, seen),
        *(_last_image(client, seen) if client["mai_deployment"] == "docker" else []),
        *room.problems(client, seen, neighbours, archive),
    ]


def cannot_start(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> list[str]:
    """Why an instance that is there could not be started again."""
    if client["mai_deployment"] != "docker":
        return []
    docker = seen["docker"]
    if docker["engine"] and docker["compose"]:
        return [*_last_image(client, seen)]
    return [f"Docker does not answer there ({docker['error'] or 'Compose v2 is missing'}): start it, then run again"]


def machine_warnings(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> list[str]:
    """What an operator should know about the machine, though nothing stands in the way."""
    warnings = [*room.warnings(client, seen)]
    limits = [name for name in ("mai_memory_limit", "mai_cpu_limit") if client[name]]
    if limits and keeper(client, seen) == "process":
        verb = "do" if len(limits) > 1 else "does"
        warnings.append(
            f"{' and '.join(limits)} {verb} nothing: no systemd keeps the instance, which is a plain process"
        )
    if client["mai_database"] != "sqlite":
        warnings.append(database.SQLITE_ONLY)
    return warnings


def lacks(client: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the machine needs before there can be an instance, and where Docker would come from."""
    docker, directory = client["mai_deployment"] == "docker", seen["directory"]
    missing = {
        "restic": bool(client["mai_backup_repository"]) and not seen["backup"]["restic"],
        "docker": docker and not (seen["docker"]["engine"] and seen["docker"]["compose"]),
        "directory": directory["mode"] != native.directory_mode(native.user(client, seen, service(client["slug"]))),
        "mark": not directory["managed"],
        "image": docker and not seen["image"]["present"],
    }
    database_packages = database.packages(client, seen)
    # Whoever says always gets the newest; data goes on with what it has until upgrade_client.yml
    bring_image = missing["image"] or (docker and client["mai_image_pull"] == "always")
    system, source = _system(seen["machine"]), client["mai_docker_packages"]
    if source == "auto":
        source = "distribution" if system in PACKAGES else "docker"
    packages = PACKAGES.get(system, DOCKERS_OWN) if source == "distribution" else DOCKERS_OWN
    # An engine that is there is never replaced: then only Compose is added
    wanted = [*([] if seen["docker"]["engine"] else packages["engine"]), *packages["compose"]]
    # A directory that is not there yet is no difference of its own: with it comes everything
    differs = directory["exists"] and (missing["directory"] or missing["mark"])
    return {
        **missing,
        "bring_image": bring_image,
        "differs": differs,
        "source": source,
        "packages": wanted if missing["docker"] else [],
        "database_packages": database_packages,
    }


def _system(machine: t.Mapping[str, t.Any]) -> str:
    return f"{machine['system_id']}-{machine['system_version']}"
