# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark measures what it says. What it measured is not judged here: that depends on the machine."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t
from xml.etree import ElementTree

import pytest

from tests.bench import measure
from tests.bench.keys import BULK, INFO, LOOP, SDK
from tests.hosts.paths import REPOSITORY


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a quick run wrote."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "tests.bench", "--quick", "--output", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def figures(output: pathlib.Path) -> dict[str, t.Any]:
    return json.loads((output / "bench.json").read_text())


@pytest.mark.parametrize(
    ("tool", "job", "keys", "calls"),
    [
        # A listing, two calls for each key, and one more look for somebody else's keys of the same names.
        (BULK, "create", 1, {"GET": 2, "POST": 1, "PATCH": 1}),
        (BULK, "create", 101, {"GET": 3, "POST": 101, "PATCH": 101}),
        (BULK, "converge", 101, {"GET": 2}),
        (BULK, "drift", 101, {"GET": 2, "PATCH": 1}),
        # One listing serves all tasks.
        (LOOP, "converge", 3, {"GET": 2}),
        (SDK, "create", 1, {"GET": 1, "POST": 1}),
        (SDK, "create", 101, {"GET": 1, "POST": 101}),
        (SDK, "converge", 101, {"GET": 2}),
        (SDK, "drift", 101, {"GET": 2, "PATCH": 1}),
        (INFO, "list", 250, {"GET": 3}),
        (SDK, "list", 250, {"GET": 3}),
    ],
)
def test_calls_are_counted(figures: dict, tool: str, job: str, keys: int, calls: dict[str, int]) -> None:
    [row] = [row for row in figures["keys"]["rows"] if (row["tool"], row["job"], row["keys"]) == (tool, job, keys)]
    assert row["by_method"] == calls
    assert row["calls"] == sum(calls.values())


def test_every_row_is_complete_and_consistent(figures: dict) -> None:
    assert len(figures["keys"]["rows"]) == 12
    for row in figures["keys"]["rows"]:
        assert row["concurrency"] == (8 if row["tool"] == BULK else 1)
        assert row["floor_seconds"] == pytest.approx(row["calls"] * figures["latency_ms"] / 1000 / row["concurrency"])
        assert row["ratio"] == pytest.approx(row["seconds"] / row["floor_seconds"])
        assert row["seconds"] in row["seconds_of_runs"]
        assert row["cpu_seconds"] > 0
        assert row["peak_mib"] > 20
        assert 0 <= row["others_share"] <= 1


def test_what_was_not_run_is_said(figures: dict, output: pathlib.Path) -> None:
    left_out = {(row["tool"], row["job"], row["keys"]) for row in figures["keys"]["not_run"]}
    assert left_out == {(LOOP, "create", 101), (LOOP, "drift", 101)}
    assert (output / "report.d" / "bench.md").read_text().count("not run: left out of the quick run") == 2


def test_goals_are_judged_by_what_was_measured(figures: dict, output: pathlib.Path) -> None:
    goals = {goal["goal"]: goal for goal in figures["keys"]["goals"]}
    assert [goal["at_most"] for goal in goals.values()] == [4, 3.0, 1.3, 1.3, 1.2]
    for goal in goals.values():
        assert goal["met"] == (goal["measured"] <= goal["at_most"])
    assert goals["calls for 101 unchanged keys"]["measured"] == 2
    told = (output / "report.d" / "bench.md").read_text()
    for name, goal in goals.items():
        [line] = [line for line in told.splitlines() if line.startswith(f"| {name} |")]
        assert line.endswith("| met |" if goal["met"] else "| **not met** |")


def test_the_picture_is_one(output: pathlib.Path) -> None:
    assert ElementTree.parse(output / "bench.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_nothing_that_is_kept_holds_a_secret(output: pathlib.Path) -> None:
    kept = [path for path in output.rglob("*") if path.is_file()]
    assert sorted(path.name for path in kept) == ["bench.json", "bench.md", "bench.svg"]
    assert not [path for path in kept if "sk-or-" in path.read_text()]


def test_memory_is_that_of_the_largest_process_and_of_nobody_else(tmp_path: pathlib.Path) -> None:
    ours = bytearray(300 * 2**20)  # must not count
    small = measure.command(tmp_path, sys.executable, "-c", "pass")
    allocate = "bytearray(200 * 2**20)"
    large = measure.command(tmp_path, sys.executable, "-c", allocate)
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{allocate}'])"
    parent = measure.command(tmp_path, sys.executable, "-c", child)
    assert len(ours) > 0
    assert small.peak_mib < 100
    assert 200 < large.peak_mib < 300
    assert 200 < parent.peak_mib < 300


def test_a_command_that_fails_is_no_measurement(tmp_path: pathlib.Path) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3:\nsorry"):
        measure.command(tmp_path, sys.executable, "-c", "import sys; print('sorry'); sys.exit(3)")
