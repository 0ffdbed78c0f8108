# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A play over many clients costs one listing, however it is run."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from tests.hosts.project import TARGET_PYTHON
from tests.integration.openrouter_key.conftest import Stage
from tests.openrouter_simulator import Simulator

CLIENTS = [f"client-{number:02}" for number in range(12)]


class FleetStage(Stage):
    """Every client is a host, and all hosts are this machine."""

    def inventory(self, connection: str) -> pathlib.Path:
        path = self.directory / "fleet.json"
        common = {"ansible_connection": connection, "ansible_python_interpreter": TARGET_PYTHON}
        path.write_text(json.dumps({"all": {"hosts": dict.fromkeys(CLIENTS, {}), "vars": common}}))
        return path

    def fleet(self, **play: t.Any) -> pathlib.Path:
        file = f"{self.target}/{{{{ inventory_hostname }}}}.env"
        options = {"name": "{{ inventory_hostname }}", "limit": 50, "secret_file": file}
        return self.playbook({"name": "Key", "mai.clients.openrouter_key": options}, hosts="all", **play)

    def converge(self, *arguments: str, **play: t.Any) -> list[tuple[str, str]]:
        """Method and path of the calls of a run that changes nothing."""
        self.control.clear_journal()
        code, output = self.finish(self.start(self.fleet(**play), "--forks=4", *arguments))
        assert code == 0 and "changed=1" not in output, output
        return [(call["method"], call["path"]) for call in self.control.journal()]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FleetStage]:
    with Simulator() as openrouter:
        stage = FleetStage(openrouter, tmp_path_factory.mktemp("fleet"))
        code, output = stage.finish(stage.start(stage.fleet(), "--forks=4"))
        assert code == 0 and output.count("changed=1") == len(CLIENTS), output
        yield stage


ONE_LISTING = [("GET", "/api/v1/keys")]


@pytest.mark.parametrize("play", [{"serial": 5}, {"strategy": "ansible.builtin.free"}], ids=["serial", "free"])
def test_a_play_lists_once(fleet: FleetStage, play: dict[str, t.Any]) -> None:
    assert fleet.converge(**play) == ONE_LISTING


def test_two_slices_list_once_each(fleet: FleetStage) -> None:
    """As a controller runs them: each in a process of its own, at the same time."""
    fleet.control.clear_journal()
    slices = [fleet.start(fleet.fleet(), "--forks=4", "--limit", ",".join(CLIENTS[start::2])) for start in (0, 1)]
    for process in slices:
        code, output = fleet.finish(process)
        assert code == 0 and "changed=1" not in output, output
    assert [(call["method"], call["path"]) for call in fleet.control.journal()] == ONE_LISTING * 2


def test_check_mode_lists_once(fleet: FleetStage) -> None:
    assert fleet.converge("--check", "--diff") == ONE_LISTING
