# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients by one run, by slices and by a run for each: what is started, how many at once, and what is counted."""

from __future__ import annotations

import os
import pathlib
import sys
import types
import typing as t

import pytest

from tests.bench import ways
from tests.hosts.project import Project, Run

# As a playbook does: it takes a while, and ends with a recap of its clients
PLAYBOOK = """
import sys, time
time.sleep(1)
for slug in sys.argv[1].split(","):
    print(f"{slug}  : ok=3    changed={sys.argv[2]}    unreachable=0    failed=0")
"""
SLUGS = [f"each-{number}" for number in range(6)]


@pytest.fixture
def fleet(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    fleet = types.SimpleNamespace(
        **{"project": Project(tmp_path, tmp_path), "folder": tmp_path, "changed": 4, "running": [], "most": 0},
        clients=lambda: dict.fromkeys(SLUGS, {}),
        openrouter=types.SimpleNamespace(url="http://openrouter.test", provisioning_key="key"),
        control=types.SimpleNamespace(clear_journal=lambda: None, journal=lambda: [{}] * 9),
    )

    def start(project: Project, _playbook: str, *words: str, inventory: pathlib.Path, env: dict[str, str]) -> Run:
        assert inventory == tmp_path and pathlib.Path(env["ANSIBLE_SSH_CONTROL_PATH_DIR"]).is_dir()
        named = words[3] if "--limit" in words else words[1].removeprefix("client=")
        clients = ",".join(SLUGS) if named == "all" else named
        command = [sys.executable, "-I", "-S", "-c", PLAYBOOK, clients, str(fleet.changed)]
        fleet.running = [run for run in fleet.running if run.process.poll() is None]
        fleet.running.append(Run(command, project, os.environ))
        fleet.most = max(fleet.most, len(fleet.running))
        return fleet.running[-1]

    monkeypatch.setattr(ways.projects, "start_playbook", start)
    return fleet


@pytest.mark.parametrize(("way", "most"), [(ways.ONE, 1), (ways.SLICES, 2), (ways.EACH, ways.CAPACITY)])
def test_all_clients_are_worked_on_so_many_runs_at_once(fleet: t.Any, way: str, most: int) -> None:
    row = ways.measured(fleet, way, "first")
    assert (row["clients"], row["changed"], row["calls"]) == (len(SLUGS), 4 * len(SLUGS), 9)
    assert fleet.most == most
    # A Python has some MiB at least, and no more than a few dozen
    assert most < row["peak_mib"] < 40 * most


def test_a_converged_run_that_changes_something_is_no_measurement(fleet: t.Any) -> None:
    with pytest.raises(AssertionError, match="changed something"):
        ways.measured(fleet, ways.ONE, "converged")
