# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real parts for end-to-end tests: hosts reached over SSH, the OpenRouter simulator, the stand-in mAI as an image.

KEEP_HOSTS=1 leaves the hosts and their engine running until the next session; `python -m tests.hosts list` shows them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.fleet import Fleet
from tests.hosts import engine as engines
from tests.hosts import project as projects
from tests.hosts.engine import Engine
from tests.hosts.host import Host, all_up
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project
from tests.openrouter_simulator import Simulator
from tests.order import longest_first

LONGEST = (
    *("test_adopt.py", "test_onboard.py", "test_disaster.py", "test_day_two.py", "test_upgrade.py", "test_native.py"),
    *("test_hostile.py", "test_runner.py", "test_secrets.py", "test_interrupted.py", "test_backup.py", "test_proxy.py"),
    *("test_postgresql.py", "test_images.py", "test_machine.py", "test_many.py", "test_usage.py", "test_faults.py"),
)
KEEP = os.environ.get("KEEP_HOSTS") == "1"


@dataclasses.dataclass(frozen=True)
class Image:
    name: str
    archive: pathlib.Path
    """A file from `docker save`."""


def build_image(source: str, name: str, engine: Engine, folder: pathlib.Path) -> Image:
    """What tests/<source>/build_image.sh makes, in the engine and in a file."""
    engines.install_missing(mmdebstrap="mmdebstrap")
    script = REPOSITORY / "tests" / source / "build_image.sh"
    subprocess.run([str(script), name], env={**os.environ, **engine.environment}, check=True)
    archive = folder / "image.tar"
    engine.docker("save", "--output", str(archive), name)
    return Image(name, archive)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that carries the hosts."""
    with engines.session() as engine:
        if KEEP:
            engines.keep()
        yield engine


@pytest.fixture(scope="session")
def boot(engine: Engine) -> Iterator[Callable[..., Host]]:
    """boot(image=…) → a fresh host; it goes when the session ends, or before by its down()."""
    for name in all_up(engine):
        # Left by a session that was killed, or kept on purpose until now.
        owner = re.fullmatch(r"e2e-(\d+)-\d+", name)
        if owner and not pathlib.Path("/proc", owner[1]).exists():
            Host(name, engine).down()
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:

        def boot(image: str = "mai-test-host:trixie") -> Host:
            host = Host.up(f"e2e-{os.getpid()}-{next(numbers)}", engine, image)
            if not KEEP:
                stack.callback(host.down)
            return host

        yield boot


@pytest.fixture(scope="session")
def hosts(boot: Callable[..., Host]) -> tuple[Host, Host]:
    """Two hosts with Docker and compose v2, shared by the tests of the session."""
    return boot(), boot()


@pytest.fixture
def bare_host(boot: Callable[..., Host]) -> Iterator[Host]:
    """A fresh host with nothing but what a server has: no Docker, no python3-apt, no curl."""
    host = boot("mai-test-host-bare:trixie")
    yield host
    if not KEEP:
        host.down()


@pytest.fixture(scope="session")
def simulator(engine: Engine) -> Iterator[Simulator]:
    """The OpenRouter simulator; its url works here, on hosts, and in containers on hosts."""
    with Simulator(host="0.0.0.0", address=engine.address()) as simulator:
        yield simulator


@pytest.fixture
def openrouter(simulator: Simulator) -> dict[str, str]:
    """The environment by which playbooks find the simulator; no faults planted, an empty journal."""
    simulator.control.clear_faults()
    simulator.control.clear_journal()
    return {"OPENROUTER_BASE_URL": simulator.url, "OPENROUTER_PROVISIONING_KEY": simulator.provisioning_key}


@pytest.fixture(scope="session")
def standin_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The stand-in mAI as an image in a file; Host.load_image or mai_image_archive bring it to a host."""
    return build_image("mai_standin", "mai-standin:test", engine, tmp_path_factory.mktemp("standin"))


@pytest.fixture(scope="session")
def postgresql_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """PostgreSQL as an image in a file, with the environment, paths and user of the official one."""
    return build_image("postgresql_image", "mai-postgresql:test", engine, tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(scope="session")
def ready_hosts(hosts: tuple[Host, Host], standin_image: Image) -> tuple[Host, Host]:
    """The two hosts, the stand-in's image already on them: set mai_image only, and nothing is copied or pulled."""
    for host in hosts:
        host.load_image(standin_image.archive)
    return hosts


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A bare clone of the working tree."""
    with Project.clone(tmp_path_factory.mktemp("project")) as project:
        yield project


@pytest.fixture(scope="module")
def new_fleet(
    project: Project, simulator: Simulator, standin_image: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Fleet]]:
    """new_fleet(variable=…) → a fleet with these variables, of the stand-in's image, without clients or faults.

    When the file's tests end, its containers go: Docker starts a program in each of them every few seconds.
    """
    simulator.control.clear_faults()
    fleets: list[Fleet] = []

    def new_fleet(**variables: Any) -> Fleet:
        # A timer that asks OpenRouter by itself would be told the faults that are planted for somebody else
        usual = {"mai_image": standin_image.name, "mai_image_pull": "never", "mai_usage_history": False}
        variables = {**usual, **variables}
        fleets.append(Fleet(project, simulator, tmp_path_factory.mktemp("inventory"), variables))
        return fleets[-1]

    yield new_fleet
    simulator.control.clear_faults()
    for fleet in fleets:
        fleet.remove()


@pytest.fixture
def inventory(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """inventory({slug: (host, variables)}, {variable of all: value}) → its folder; call it again to change it."""

    def inventory(
        clients: Mapping[str, tuple[Host, Mapping[str, Any]]], variables: Mapping[str, Any] | None = None
    ) -> pathlib.Path:
        return projects.write_inventory(tmp_path / "inventory", clients, variables)

    return inventory


@pytest.fixture(scope="session")
def run_playbook() -> Callable[..., projects.Result]:
    """run_playbook(project, "playbooks/….yml", "-e", "client=…", inventory=…, env=…, check=…) → Result"""
    return projects.run_playbook


@pytest.fixture(scope="session")
def start_playbook() -> Callable[..., projects.Run]:
    """The same, but it only starts: signal it, wait for it."""
    return projects.start_playbook
