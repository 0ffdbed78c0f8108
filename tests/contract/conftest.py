# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the contract suite, and the choice of what it runs against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.instance import ADMIN, Instance, Target
from tests.openrouter_simulator import Simulator

REAL = "openwebui"
TARGETS = ("standin-rows", "standin-blob", REAL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real-openwebui", metavar="VENV", help="run against the real Open WebUI in this environment")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "form(name): the fact holds for this form of table `config` only (rows, blob)")
    config.addinivalue_line("markers", "mai: the fact is mAI's own, so only the stand-in can show it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" not in metafunc.fixturenames:
        return
    targets = list(TARGETS)
    form = metafunc.definition.get_closest_marker("form")
    if form:
        targets = ["standin-blob"] if form.args == ("blob",) else ["standin-rows", REAL]
    if metafunc.definition.get_closest_marker("mai"):
        targets = [target for target in targets if target != REAL]
    metafunc.parametrize("target", targets, indirect=True, scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One run is against the stand-in, another against the real thing: nothing is skipped in either."""
    real = config.getoption("--real-openwebui") is not None
    chosen = [item for item in items if (_target(item) == REAL) == real]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _target(item: pytest.Item) -> str:
    return getattr(item, "callspec", None) and item.callspec.params.get("target", "") or ""


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Target:
    if request.param == REAL:
        return Target.openwebui(Path(request.config.getoption("--real-openwebui")).absolute())
    return Target.standin(request.param.removeprefix("standin-"))


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


class Keys:
    """Keys of the simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._http = simulator.client()

    def create(self, name: str = "client", limit: float | None = None) -> tuple[str, str]:
        """The secret and the hash of a new key."""
        answer = self._http.post("/keys", json={"name": name, "limit": limit}).raise_for_status().json()
        return answer["key"], answer["data"]["hash"]

    def change(self, key_hash: str, **changes: Any) -> None:
        self._http.patch(f"/keys/{key_hash}", json=changes).raise_for_status()

    def last_used(self) -> str:
        """The hash of the key with which the last chat was paid."""
        return self._simulator.control.generations()[-1]["key_hash"]

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def keys(simulator: Simulator) -> Iterator[Keys]:
    made = Keys(simulator)
    yield made
    made.close()


def _instances(target: Target, folder: Path) -> Iterator[Callable[..., Instance]]:
    made: list[Instance] = []

    def factory(**environment: str) -> Instance:
        made.append(Instance(target, folder / str(len(made)), environment))
        return made[-1]

    yield factory
    for instance in made:
        instance.stop()


@pytest.fixture
def make(target: Target, tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    """Instances that a test starts itself."""
    yield from _instances(target, tmp_path)


@pytest.fixture(scope="module")
def make_lasting(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Instance]]:
    """The same for a fixture that several tests of a module use, in any order: a start of the real one takes 10 s."""
    yield from _instances(target, tmp_path_factory.mktemp(target.name))


@pytest.fixture(scope="module")
def secret(keys: Keys) -> str:
    """The key that the module's instance is given."""
    return keys.create("the instance's")[0]


@pytest.fixture(scope="module")
def environment(simulator: Simulator, secret: str, target: Target) -> dict[str, str]:
    """What an instance with a connection and an administrator is started with."""
    return {
        "OPENAI_API_BASE_URL": simulator.url,
        "OPENAI_API_KEY": secret,
        "WEBUI_ADMIN_EMAIL": ADMIN["email"],
        "WEBUI_ADMIN_PASSWORD": ADMIN["password"],
        "WEBUI_ADMIN_NAME": ADMIN["name"],
        # A 0.6 that is told `false` here never gets an administrator.
        "ENABLE_SIGNUP": "false" if target.form == "rows" else "true",
    }


@pytest.fixture(scope="module")
def instance(
    target: Target, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    """One running instance with an administrator, shared by the tests of a module that leave it as it was."""
    running = Instance(target, tmp_path_factory.mktemp(target.name), environment).start()
    running.admin()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def admin(instance: Instance) -> str:
    return instance.admin()
