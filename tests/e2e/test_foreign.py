# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else made on a machine is refused and left exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result

DEPLOYMENTS = "/opt/mai/deployments"
# A client made by the guide: its compose file, its .env, its container without a label of ours.
GUIDE = """
set -e
mkdir -p /opt/mai/deployments/client-by-hand && cd /opt/mai/deployments/client-by-hand
cat > docker-compose.yml <<'YAML'
version: '3.8'
services:
  mai-by-hand:
    image: IMAGE
    container_name: mai-byhand
    env_file: .env
    ports: ["8201:8080"]
    volumes: ["./data:/app/backend/data"]
YAML
cat > .env <<'ENV'
OPENAI_API_BASE_URL=http://127.0.0.1:9
OPENAI_API_KEY=sk-or-v1-of-the-guide
CLIENT_ORG_NAME=By Hand
ENV
docker compose up --detach --quiet-pull
# Only a directory
mkdir -p /opt/mai/deployments/client-only-files && echo 'A=1' > /opt/mai/deployments/client-only-files/.env
# Only a container
docker run --detach --name mai-onlycontainer IMAGE sleep infinity
# Ports: a program's and a container's
systemd-run --quiet --unit=somebodys-program python3 -m http.server 8203
docker run --detach --name somebodys-container --publish 8204:8080 IMAGE
# A directory of another client
mkdir -p /opt/mai/deployments/shared && echo neighbour > /opt/mai/deployments/shared/.mai-clients
"""
REMOVE = """
docker rm --force --volumes mai-byhand mai-onlycontainer somebodys-container
systemctl stop somebodys-program
cd /opt/mai/deployments && rm -r client-by-hand client-only-files shared
docker network prune --force
"""
# Everything of a file that somebody could have changed. The directory of the locks is ours, and a database lives:
# its journal comes and goes whenever it is read.
LOOK = (
    f"find {DEPLOYMENTS} -mindepth 1 ! -path '*/.locks*' ! -path '*/data' ! -name 'webui.db*'"
    " -printf '%p %y %m %u %g %s %T@ %C@ %i\\n' | sort"
)
CLIENTS = {
    "by-hand": {"mai_port": 8201},
    "only-files": {"mai_port": 8202},
    "only-container": {"mai_port": 8205},
    "program-port": {"mai_port": 8203},
    "container-port": {"mai_port": 8204},
    "wrong-folder": {"mai_port": 8206, "mai_deployment_dir": f"{DEPLOYMENTS}/shared"},
}


@pytest.fixture(scope="module")
def fleet(new_fleet: Callable[..., Fleet], ready_hosts: tuple[Host, Host], standin_image: Image) -> Iterator[Fleet]:
    host, fleet = ready_hosts[1], new_fleet()
    for slug, variables in CLIENTS.items():
        fleet.put(slug, host, mai_client_name=slug, mai_admin_email="a@b.example", **variables)
    host.exec("sh", "-c", GUIDE.replace("IMAGE", standin_image.name))
    yield fleet
    host.exec("sh", "-c", REMOVE, check=False)


@pytest.fixture(scope="module")
def what_is_there(fleet: Fleet) -> str:
    return _look(fleet)


@pytest.fixture(scope="module")
def refused(fleet: Fleet, what_is_there: str) -> dict[str, str]:
    """What a run said about each client."""
    result = fleet.run(",".join(CLIENTS), check=False)
    assert result.rc == 2
    return _messages(result)


def _look(fleet: Fleet) -> str:
    containers = "$(docker ps --all --quiet | sort)"
    return fleet.sh(
        "by-hand",
        f"{LOOK}; docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}} {{{{.State.Status}}}}' {containers};"
        " systemctl show --property MainPID somebodys-program",
    )


def _messages(result: Result) -> dict[str, str]:
    parts = result.output.split("fatal: [")[1:]
    return {part.split("]")[0]: " ".join(part.split()) for part in parts}


def test_a_client_made_by_hand_is_left_alone(refused: dict[str, str]) -> None:
    said = refused["by-hand"]
    assert "the directory /opt/mai/deployments/client-by-hand was not made by this collection" in said
    assert "a container mai-byhand that was not made by this collection is on the machine" in said
    assert "Nothing of it is taken over or replaced" in said


def test_a_directory_alone_is_enough_to_refuse(refused: dict[str, str]) -> None:
    assert "client-only-files was not made by this collection. Nothing of it is taken over" in refused["only-files"]


def test_a_container_alone_is_enough_to_refuse(refused: dict[str, str]) -> None:
    assert "a container mai-onlycontainer that was not made by this collection" in refused["only-container"]
    assert "put it away by hand" in refused["only-container"]


def test_who_holds_the_port_is_named(refused: dict[str, str]) -> None:
    assert "port 8203 is already used by python3 on this machine: choose another mai_port" in refused["program-port"]
    assert "port 8204 is already used by container somebodys-container on this machine" in refused["container-port"]


def test_the_directory_of_another_client_is_not_used(refused: dict[str, str]) -> None:
    assert "the directory /opt/mai/deployments/shared belongs to neighbour" in refused["wrong-folder"]


def test_nothing_was_touched_and_no_key_made(fleet: Fleet, refused: dict[str, str], what_is_there: str) -> None:
    assert set(refused) == set(CLIENTS)
    assert all(f"{slug} was not touched" in said for slug, said in refused.items())
    assert _look(fleet) == what_is_there
    assert fleet.writes == []
    for slug in CLIENTS:
        assert fleet.control.keys_named(f"client-{slug}") == []
        # Nobody has to wait for the lock of a run that was refused.
        assert fleet.sh(slug, f"ls {DEPLOYMENTS}/.locks/{slug}", check=False) == ""
