# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on a machine stands in a client's way."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._client import GIB
from ansible_collections.mai.clients.plugins.plugin_utils._plan.machine import lacks, machine_problems, machine_warnings

from tests.unit.plan.situations import client, nothing

CLIENT = {
    "slug": "company-abc",
    "mai_deployment": "docker",
    "mai_image": "mai:1",
    "mai_image_pull": "missing",
    "mai_image_archive": None,
    "mai_native_service": "auto",
    "mai_deployment_dir": "/opt/mai/deployments/client-company-abc",
    "mai_memory_limit": None,
    "mai_cpu_limit": None,
    "mai_native_user": None,
    "mai_docker_packages": "auto",
    "mai_database": "sqlite",
    "mai_client_id": "company-abc-001",
    "mai_backup_repository": None,
}
SEEN = {
    "machine": {
        "id": "1",
        "system_id": "debian",
        "system_version": "13",
        "memory_bytes": 8 * GIB,
        "memory_available_bytes": 6 * GIB,
        "swap_free_bytes": 0,
        "transfer": {"path": "/home/ops/.ansible/tmp", "free_bytes": 50 * GIB, "device": 1},
        "root": True,
        "systemd": True,
    },
    "docker": {
        "cli": True,
        "engine": "26.1",
        "compose": "2.26",
        "error": None,
        "data_root_free_bytes": 50 * GIB,
        "data_root_device": 1,
        "networks_left": 28,
    },
    "directory": {
        "path": "/opt/mai/deployments/client-company-abc",
        "exists": False,
        "empty": False,
        "managed": False,
        "managed_by": None,
        "made_by": None,
        "free_bytes": 50 * GIB,
        "device": 1,
        "upgrading": False,
        "restoring": False,
        "adopting": False,
    },
    "containers": [],
    "foreign_containers": [],
    "unit": None,
    "process": None,
    "port": {"number": 8001, "listening": False, "ours": False, "process": None, "bindable": True},
    "image": {"present": False},
    "last_image": None,
    "memory_limits_bytes": 0,
    "database": nothing()["database"],
    "backup": {"restic": False},
}


def machine(**parts: dict) -> dict:
    seen = copy.deepcopy(SEEN)
    for name, values in parts.items():
        seen[name] = {**seen[name], **values} if isinstance(values, dict) and seen[name] else values
    return seen


def problems(client: dict | None = None, **parts: dict) -> list[str]:
    return machine_problems({**CLIENT, **(client or {})}, machine(**parts))


NO_DOCKER = {"cli": False, "engine": None, "compose": None, "error": "docker is not installed"}


@pytest.mark.parametrize(
    ("client", "parts"),
    [
        ({}, {}),
        ({}, {"docker": NO_DOCKER}),
        ({}, {"docker": {**NO_DOCKER, "cli": True, "engine": "20.10", "error": None}}),
        ({}, {"directory": {"exists": True, "empty": True}}),
        ({}, {"directory": {"exists": True, "managed": True, "managed_by": "company-abc"}}),
        ({}, {"port": {"listening": True, "ours": True, "process": "mai-companyabc"}}),
        ({}, {"docker": NO_DOCKER, "machine": {"system_version": "12"}}),
        ({"mai_image": "your-mai-image:latest"}, {"image": {"present": True}}),
        ({"mai_deployment": "native"}, {"docker": NO_DOCKER}),
        ({"mai_memory_limit": "8g"}, {}),
        ({}, {"docker": {"networks_left": None}}),
        ({}, {"docker": {"networks_left": 0}, "containers": [{"name": "mai-companyabc", "managed": True}]}),
        ({"mai_deployment": "native"}, {"docker": {"networks_left": 0}}),
        ({}, {"machine": {"memory_available_bytes": GIB // 4, "swap_free_bytes": GIB}}),
        ({}, {"machine": {"memory_available_bytes": None, "swap_free_bytes": None}}),
        # An instance that is there has its memory and its port
        (
            {},
            {
                **{
                    "machine": {"memory_available_bytes": 0},
                    "containers": [{"name": "mai-companyabc", "managed": True}],
                },
                "foreign_containers": [{"name": "grafana", "ports": []}],
            },
        ),
        ({"mai_deployment": "native"}, {"docker": {"data_root_free_bytes": 0}}),
    ],
)
def test_nothing_stands_in_the_way(client: dict, parts: dict) -> None:
    assert problems(client, **parts) == []


@pytest.mark.parametrize(
    ("client", "parts", "about"),
    [
        ({}, {"directory": {"exists": True}}, "put it away by hand"),
        ({}, {"directory": {"exists": True, "managed_by": "northwind"}}, "belongs to northwind"),
        ({}, {"containers": [{"name": "mai-companyabc", "managed": False}]}, "put it away by hand"),
        ({}, {"unit": {"exists": True, "managed": False}}, "systemd unit"),
        ({}, {"port": {"listening": True, "process": "nginx"}}, "port 8001 is already used by nginx"),
        (
            {},
            {"port": {"listening": True}, "foreign_containers": [{"name": "grafana", "ports": []}]},
            "already used by container grafana",
        ),
        ({"mai_image": "your-mai-image:latest"}, {}, "placeholder"),
        ({"mai_image": "your-mai-image:latest"}, {"docker": NO_DOCKER}, "placeholder"),
        ({"mai_image_pull": "never"}, {}, "mai_image_archive"),
        ({"mai_docker_packages": "none"}, {"docker": NO_DOCKER}, "mai_docker_packages is none"),
        ({"mai_docker_packages": "none"}, {"docker": {"compose": None}}, "Docker Compose v2 is missing"),
        (
            {"mai_docker_packages": "distribution"},
            {"docker": NO_DOCKER, "machine": {"system_version": "12"}},
            "debian 12 has no Compose v2",
        ),
        ({}, {"docker": NO_DOCKER, "machine": {"root": False}}, "not root's"),
        ({}, {"docker": NO_DOCKER, "machine": {"system_id": "fedora"}}, "fedora"),
        ({}, {"docker": {"engine": None, "compose": None, "error": "permission denied"}}, "does not answer"),
        ({}, {"docker": {"networks_left": 0}}, "/etc/docker/daemon.json"),
        ({}, {"directory": {"free_bytes": GIB // 2}}, "make room"),
        ({}, {"docker": {"data_root_free_bytes": GIB // 2}, "image": {"present": False}}, "mai:1 cannot be pulled"),
        ({}, {"machine": {"memory_available_bytes": GIB // 4}}, "0.2 GiB of memory and swap are free"),
        ({}, {"foreign_containers": [{"name": "grafana", "ports": []}]}, "grafana, which is stopped"),
        ({"mai_bind_address": "192.0.2.1"}, {"port": {"bindable": False}}, "mai_bind_address 192.0.2.1 is no address"),
        ({}, {"directory": {"upgrading": True}}, "upgrade_client.yml -e client=company-abc"),
        ({}, {"directory": {"restoring": True}}, "restore_client.yml -e client=company-abc"),
        ({}, {"directory": {"adopting": True}}, "adopt_client.yml -e client=company-abc"),
        ({"mai_memory_limit": "9g"}, {}, "mai_memory_limit is 9.0 GiB"),
        (
            {"mai_deployment": "native", "mai_native_service": "systemd"},
            {"machine": {"systemd": False}},
            "use process",
        ),
    ],
)
def test_what_stands_in_the_way_is_named_once(client: dict, parts: dict, about: str) -> None:
    found = problems(client, **parts)
    assert len(found) == 1 and about in found[0]


@pytest.mark.parametrize(
    ("client", "parts", "about"),
    [
        ({"mai_memory_limit": "4g"}, {"memory_limits_bytes": 5 * GIB}, "add up to 9.0 GiB"),
        ({}, {"docker": {"data_root_free_bytes": 2 * GIB}}, "free for images"),
        ({}, {"docker": {"networks_left": 2}}, "2 more clients"),
        ({}, {"docker": {"networks_left": 1}}, "one more client,"),
        ({"mai_database": "external"}, {}, "SQLite only"),
    ],
)
def test_what_an_operator_should_know(client: dict, parts: dict, about: str) -> None:
    (warning,) = machine_warnings({**CLIENT, **client}, machine(**parts))
    assert about in warning


@pytest.mark.parametrize(
    ("neighbours", "about"),
    [
        ([], ""),
        ([{"slug": "northwind", "mai_port": 8002, "needs_network": True}], ""),
        (
            [{"slug": "northwind", "mai_port": "8001", "needs_network": True}],
            "mai_port 8001 is also that of northwind on the same machine",
        ),
        ([{"slug": "northwind", "mai_port": None, "needs_network": False}], ""),
        ([{"slug": "companyabc", "mai_port": 8002, "needs_network": True}], "would be called like that of companyabc"),
    ],
)
def test_clients_that_turn_out_to_live_on_one_machine(neighbours: list[dict], about: str) -> None:
    found = machine_problems({**CLIENT, "mai_port": 8001}, machine(), neighbours)
    assert len(found) == bool(about) and about in "".join(found)


ARCHIVE = {"path": "/srv/mai.tar", "bytes": 2 * GIB}
# Free in the connection's folder, in the client's, in Docker's, and on which file system each is → who has too little
ROOMS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], list[str]]] = {
    "room everywhere": ((3, 3, 3), (1, 2, 3), []),
    "none to unpack": (
        (1, 9, 9),
        (1, 2, 3),
        ["/home/ops/.ansible/tmp has 1.0 GiB free, and the image's archive needs 2.0"],
    ),
    "none for the client": ((9, 1, 9), (1, 2, 3), ["/opt/mai/deployments/client-company-abc has 1.0 GiB free"]),
    "none for Docker": ((9, 9, 1), (1, 2, 3), ["Docker's images has 1.0 GiB free"]),
    "one disk for all": ((4, 4, 4), (1, 1, 1), []),
    "one disk, for the archive or the image": (
        (3, 3, 3),
        (1, 1, 1),
        ["/opt/mai/deployments/client-company-abc has 3.0 GiB free, and the image's archive needs 4.0 GiB"],
    ),
    "Docker shares with the connection": ((3, 9, 3), (1, 2, 1), ["/home/ops/.ansible/tmp has 3.0 GiB free"]),
    "none anywhere": ((1, 1, 1), (1, 2, 3), ["/home/ops", "/opt/mai", "Docker's images"]),
}


@pytest.mark.parametrize("name", ROOMS)
def test_an_archive_needs_room_on_its_way(name: str) -> None:
    free, devices, expected = ROOMS[name]
    seen = machine(
        directory={"free_bytes": free[1] * GIB, "device": devices[1]},
        docker={"data_root_free_bytes": free[2] * GIB, "data_root_device": devices[2]},
        machine={"transfer": {"path": "/home/ops/.ansible/tmp", "free_bytes": free[0] * GIB, "device": devices[0]}},
    )
    wanted = {**CLIENT, "mai_image_archive": ARCHIVE["path"]}
    found = machine_problems(wanted, seen, archive=ARCHIVE)
    assert len(found) == len(expected)
    assert all(about in one for about, one in zip(expected, found))
    assert machine_problems(wanted, machine(**{**seen, "image": {"present": True}}), archive=None) == []


def test_an_archive_that_is_not_there_is_named() -> None:
    (found,) = machine_problems({**CLIENT, "mai_image_archive": "gone.tar"}, SEEN, archive={**ARCHIVE, "bytes": None})
    assert found == "mai_image_archive is /srv/mai.tar, which is not on the controller: correct it"


@pytest.mark.parametrize(
    ("left", "others", "refused"),
    [
        (2, ["a"], False),
        (1, ["a"], True),
        (1, ["z"], False),
        (2, ["a", "b"], True),
        (1, [], False),
        (None, ["a", "b"], False),
    ],
)
def test_new_clients_of_one_run_share_what_is_left(left: int | None, others: list[str], refused: bool) -> None:
    neighbours = [{"slug": slug, "mai_port": 9000, "needs_network": True} for slug in others]
    neighbours.append({"slug": "aa", "mai_port": 9001, "needs_network": False})
    found = machine_problems({**CLIENT, "mai_port": 8001}, machine(docker={"networks_left": left}), neighbours)
    assert bool(found) is refused
    if refused:
        assert f"({', '.join(others)} of this run took the last)" in found[0]


def test_an_ordinary_machine_gives_no_warning() -> None:
    assert machine_warnings(CLIENT, SEEN) == []


DATA = {"kind": "sqlite", "error": None, "exists": True}


@pytest.mark.parametrize(
    ("parts", "about"),
    [
        ({"database": DATA}, "'services:', '  mai-companyabc:', '    image: ' and the image's name"),
        ({"database": DATA, "containers": [{"name": "mai-companyabc", "managed": True}]}, ""),
        ({"database": DATA, "last_image": {"reference": "mai:1", "id": None, "present": True}}, ""),
        ({}, ""),
    ],
)
def test_data_of_an_image_that_nothing_names_waits_for_somebodys_word(parts: dict, about: str) -> None:
    found = problems(**parts)
    assert len(found) == bool(about) and about in "".join(found)
    assert problems({"mai_deployment": "native"}, **parts) == []


def test_a_database_that_cannot_be_read_is_left_alone():
    assert problems(database={"error": "The database /x/webui.db is locked: …. Run again."}) == [
        "its database cannot be read: The database /x/webui.db is locked: …. Run again."
    ]


@pytest.mark.parametrize(
    ("system", "wish", "engine", "source", "packages"),
    [
        ("debian-13", "auto", None, "distribution", ["docker.io", "docker-cli", "docker-compose"]),
        ("debian-13", "auto", "26.1", "distribution", ["docker-compose"]),
        ("ubuntu-22.04", "auto", None, "distribution", ["docker.io", "docker-compose-v2"]),
        ("ubuntu-24.04", "distribution", None, "distribution", ["docker.io", "docker-compose-v2"]),
        ("debian-12", "auto", "20.10", "docker", ["docker-compose-plugin"]),
        (
            "debian-12",
            "auto",
            None,
            "docker",
            ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"],
        ),
        (
            "debian-13",
            "docker",
            None,
            "docker",
            ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"],
        ),
    ],
)
def test_where_docker_comes_from(system, wish, engine, source, packages):
    identifier, version = system.split("-")
    seen = nothing()
    seen["machine"] |= {"system_id": identifier, "system_version": version}
    seen["docker"] |= {"engine": engine, "compose": None}
    found = lacks(client(mai_docker_packages=wish), seen)
    assert (found["docker"], found["source"], found["packages"]) == (True, source, packages)


def test_an_engine_with_compose_lacks_nothing():
    assert lacks(client(), nothing())["packages"] == []
