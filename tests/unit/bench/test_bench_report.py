# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark says of its figures; that they are measured well is tests/integration/bench."""

from __future__ import annotations

import pytest

from tests.bench import lines, report

MACHINE = {"system": "Debian", "cores": 2, "python": "3.13", "ansible-core": "2.21", "openrouter": "1"}


def row(way: str, run: str, seconds: float, tasks: int = 0, ssh: int = 1) -> dict:
    figures = {"tasks": tasks, "skipped": 3 if tasks else 0, "changed": 0, "ssh": ssh, "calls": 2}
    return {"way": way, "run": run, "seconds": seconds, "seconds_of_runs": [seconds], **figures}


@pytest.fixture
def onboarding() -> dict:
    figures = {
        "rows": [
            row(report.OURS, "first", 8.0, tasks=26, ssh=20),
            row(report.OURS, "converged", 1.5, tasks=5),
            row(report.BY_HAND, "first", 1.0),
            row(report.BY_HAND, "converged", 0.5),
        ],
        "start_seconds": 0.5,
        "starts": [0.5],
    }
    return {**figures, "goals": report.goals_of_onboarding(figures)}


@pytest.fixture
def fleet() -> dict:
    rows = [
        {**row("", "", 40.0, tasks=150, ssh=60), "clients": clients, "forks": "5", "calls": calls, "changed": changed}
        for clients, calls, changed in [(1, 3, 0), (30, 4, 1), (101, 4, 0)]
    ]
    figures = {"rows": rows, "onboarded": 30, "onboarding_seconds": 120.0, "mib_of_a_container": 58.0}
    return {**figures, "goals": report.goals_of_fleet(rows)}


def test_one_client_is_judged_beside_the_start_of_ansible_and_the_script(onboarding: dict) -> None:
    judged = [(goal["measured"], goal["at_most"], goal["met"]) for goal in onboarding["goals"]]
    assert judged == [(1.5, 1.5, True), (26, 25, False), (20, 20, True)]


def test_a_fleet_asks_for_each_hundred_keys_once_and_changes_nothing(fleet: dict) -> None:
    judged = [(goal["measured"], goal["at_most"], goal["met"]) for goal in fleet["goals"]]
    assert judged == [(3, 3, True), (0, 0, True), (4, 3, False), (1, 0, False), (4, 4, True), (0, 0, True)]


def test_the_text_has_each_row_and_each_goal(onboarding: dict, fleet: dict) -> None:
    counted = [{"folder": "roles", "files": 2, "lines": 70}]
    figures = {"machine": MACHINE, "latency_ms": 50, "load_before": 0.1, "lines": counted}
    text = report.markdown({**figures, "onboarding": onboarding, "fleet": fleet}).splitlines()
    assert "| first | onboard_client.yml | 26 | 3 | 20 | 2 | 8.0 | 8.0 |" in text
    assert "| converged | one hand-written SSH script | – | – | 1 | 2 | 0.5 | 0.5 |" in text
    assert "| first: tasks run | 26 | 25 | **not met** |" in text
    assert "| 30 | 5 | 150 | 3 | 1 | 60 | 4 | 40.0 | 1.33 | 40.0 |" in text
    assert "| 30 clients, forks 5: changed | 1 | 0 | **not met** |" in text
    assert "| roles | 2 | 70 |" in text


def test_the_ways_are_told_for_all_clients_and_for_each() -> None:
    figures = {"machine": MACHINE, "latency_ms": 50, "load_before": 0.1}
    shown = {"clients": 10, "way": "two slices", "run": "first", "seconds": 64.4, "calls": 44, "peak_mib": 251.0}
    text = report.markdown({**figures, "ways": {"rows": [shown]}}).splitlines()
    assert "| 10 | two slices | first | 64 | 6.4 | 44 | 251 | 25 |" in text


def test_lines_are_counted_by_folder_without_what_tools_wrote() -> None:
    files = {"plugins/modules/a.py": 5, "plugins/action/a.py": 6, "plugins/lookup/x.py": 1, "docs/a.md": 2}
    found = lines.by_folder({**files, "docs/a.svg": 900, "tests/a.lock": 900, "README.md": 9})
    assert [(each["folder"], each["files"], each["lines"]) for each in found] == [
        ("plugins/modules and action", 2, 11),
        ("other plugins", 1, 1),
        ("docs", 1, 2),
    ]


def test_every_folder_of_the_collection_has_lines() -> None:
    found = {each["folder"]: each["lines"] for each in lines.counted()}
    assert set(lines.FOLDERS) - set(found) <= {"other plugins"}
    assert min(found.values()) > 0
