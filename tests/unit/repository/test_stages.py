# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the stages tells the truth: about failures, skips, and stages that did nothing."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from scripts import stages

TESTS = """\
import pytest

def test_good(): pass
@pytest.mark.parametrize("value", range(3))
def test_each(value): assert value != {bad}
{more}
"""
SKIPPED = "@pytest.mark.skip\ndef test_skipped(): pass"


@pytest.fixture
def runner(tmp_path, monkeypatch, capsys):
    """Runs the stages that are given instead of the real ones; returns exit code, last line and the report."""
    for name, path in {"ROOT": ".", "BUILD": ".", "RESULTS": "results", "REPORT": "report.md"}.items():
        monkeypatch.setattr(stages, name, tmp_path / path)
    monkeypatch.setattr(stages, "FRAGMENTS", tmp_path / "report.d")

    def run(*arguments: str, **executes):
        monkeypatch.setattr(stages, "STAGES", [stages.Stage(name, ("test",), do) for name, do in executes.items()])
        monkeypatch.setattr(sys, "argv", ["stages.py", *arguments])
        code = stages.main()
        return code, capsys.readouterr().out.splitlines()[-1], (tmp_path / "report.md").read_text()

    return run


BESIDE = """\
import pathlib, sys
sys.path.insert(0, {repository!r})
from scripts import stages
stages.ROOT = stages.BUILD = pathlib.Path({folder!r})
for name, path in dict(RESULTS="results", REPORT="report.md", FRAGMENTS="report.d").items():
    setattr(stages, name, stages.ROOT / path)
# Each waits for a file of the other
stages.STAGES = [
    stages.Stage(own, ("test",), stages.commands(
        f"echo said by {{own}}; touch {{own}}; until [ -e {{other}} ]; do sleep 0.1; done", command
    ), minutes=1, beside="all")
    for own, other, command in [("one", "two", "true"), ("two", "one", "false")]
]
sys.exit(stages.main())
"""


@pytest.fixture
def suite(tmp_path):
    """A stage of pytest on a file with four tests, one of which can be made to fail."""

    def make(bad=None, more=""):
        file = tmp_path / f"test_{bad}_{len(more)}.py"
        file.write_text(TESTS.format(bad=bad, more=more))
        return stages.pytest("-p", "no:cacheprovider", str(file))

    return make


def test_all_good(runner, suite):
    code, last, report = runner("test", unit=suite(), style=stages.commands("true", "true"))
    assert (code, last) == (0, "6 passed, 0 failed")
    assert "| unit | 4 | 4 | 0 | 0 |" in report
    assert "| style | 2 | 2 | 0 | 0 |" in report
    assert "| **total** | 6 | 6 | 0 | 0 |" in report


def test_a_failure_does_not_stop_the_next_stage(runner, suite):
    code, last, report = runner("test", unit=suite(bad=1), style=stages.commands("false", "true"))
    assert (code, last) == (1, "4 passed, 2 failed")
    assert "| unit | 4 | 3 | 1 | 0 |" in report
    assert re.search(r"Failed:\n- unit: .*::test_\w+.*: .*assert.*\n- style: false\n", report)


def test_the_report_says_what_a_failed_command_said(runner):
    """Where the tests run, often only the end of their output is kept."""
    report = runner("test", style=stages.commands("seq 500; echo the reason >&2; exit 3"))[2]
    assert "\n- style: seq 500; echo the reason >&2; exit 3\n" in report
    assert "    500\n    the reason\n" in report
    assert "    400\n" not in report


def test_a_skipped_test_is_a_failure(runner, suite):
    code, last, report = runner("test", unit=suite(more=SKIPPED))
    assert (code, last) == (1, "4 passed, 1 failed")
    assert "| unit | 5 | 4 | 0 | 1 |" in report


def test_a_stage_that_ran_nothing_is_a_failure(runner, tmp_path):
    nothing = stages.pytest("-p", "no:cacheprovider", str(tmp_path / "missing"))
    code, last, _report = runner("test", unit=nothing, molecule=stages.counted(list))
    assert code == 1
    assert last == "0 passed, 3 failed"  # pytest's own error, and two stages that ran nothing


def test_a_module_that_cannot_be_imported_is_a_failure(runner, suite):
    code, last, _report = runner("test", unit=suite(more="import no_such_module"))
    assert (code, last) == (1, "0 passed, 1 failed")


def test_a_stage_that_hangs_is_stopped(monkeypatch):
    result = stages.run(["sh", "-c", "sleep 60 & wait"], deadline=0)
    assert result == 1


def test_the_summary_counts_over_runs_and_misses_what_did_not_run(runner, suite):
    parts = {"unit": suite(), "style": stages.commands("true")}
    runner("unit", **parts)
    assert runner("--summary", "test", **parts)[:2] == (1, "4 passed, 1 failed")
    runner("style", **parts)
    assert runner("--summary", "test", **parts)[:2] == (0, "5 passed, 0 failed")


def test_stages_beside_each_other_count_once_in_the_whole():
    results = [stages.Result(name, began=began, seconds=20) for name, began in (("a", 100), ("b", 110), ("c", 200))]
    assert stages.wall_time(results) == 50
    assert stages.wall_time([]) == 0


def test_measurements_of_others_are_in_the_report(runner, tmp_path):
    (tmp_path / "report.d").mkdir()
    (tmp_path / "report.d" / "demo.md").write_text("## Demo\n\n42 s")
    report = runner("test", style=stages.commands("true"))[2]
    assert "## Demo\n\n42 s\n\n(measured 2" in report


def test_stages_of_one_process_run_beside_each_other(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(BESIDE.format(repository=str(stages.ROOT), folder=str(tmp_path)))
    command = [sys.executable, str(script), "test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1]) == (1, "3 passed, 1 failed"), done.stdout + done.stderr
    [end] = [number for number, line in enumerate(lines) if line.startswith("=== one: ok, 2 of 2")]
    assert lines.index("said by one") < end < lines.index("said by two")


def test_an_unknown_stage_is_refused(runner):
    with pytest.raises(SystemExit, match="No such stage: unti"):
        runner("unti", unit=stages.commands("true"))


def test_settings_of_the_developer_do_not_reach_the_tests(monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "dense")
    monkeypatch.setenv("OPENROUTER_PROVISIONING_KEY", "real")
    monkeypatch.setenv("KEEP_HOSTS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = stages.environment()
    assert "ANSIBLE_STDOUT_CALLBACK" not in environment
    assert "OPENROUTER_PROVISIONING_KEY" not in environment
    assert environment["KEEP_HOSTS"] == "1"
    assert "PYTHONDONTWRITEBYTECODE" not in environment
