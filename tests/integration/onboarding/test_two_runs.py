# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of one client at once, the first one standing at a step while the second one runs."""

from __future__ import annotations

import json
import signal
import time
import typing as t

import pytest

from tests.hosts.project import Result, Run
from tests.kit.agency import Agency

STEPS: dict[str, t.Any] = {
    "created": ("POST", "after"),
    "before-row": "The client's record in the instance's database",
}
ALL = ",".join(STEPS)


class HeldRequest(t.NamedTuple):
    """A run that waits for OpenRouter's answer. It stands still: in time, it would give the request up."""

    agency: Agency
    run: Run
    fault: int

    @classmethod
    def start(cls, agency: Agency, slug: str, method: str, when: str) -> HeldRequest:
        fault = agency.control.fault(kind="hold", method=method, when=when, name=f"client-{slug} ~pending-")
        run = agency.start(slug)
        agency.control.wait_until_held(fault, 120)
        run.signal_all(signal.SIGSTOP)
        return cls(agency, run, fault)

    def release(self) -> Result:
        self.agency.control.release(self.fault)
        time.sleep(1)  # the answer is there when it wakes up
        self.run.signal_all(signal.SIGCONT)
        return self.run.wait()


class Outcome(t.NamedTuple):
    agency: Agency
    refusals: dict[str, str]
    pids: dict[str, int]


@pytest.fixture(scope="module")
def outcome(agency: Agency) -> Outcome:
    """All first runs are held at their steps while one second run goes over all clients."""
    control, first = agency.control, {}
    for slug in STEPS:
        agency.client(slug)
    for slug, where in STEPS.items():
        held = agency.start_until(where, slug) if isinstance(where, str) else HeldRequest.start(agency, slug, *where)
        first[slug] = held

    control.clear_journal()
    refusals = agency.failures(ALL)
    assert control.writes() == []
    pids = {slug: held.run.process.pid for slug, held in first.items()}

    # Somebody is sure that the first ones are dead. They are not.
    second = agency.run(ALL, "-e", "take_lock=true")
    assert second.rc == 0, second.output
    for slug in STEPS:
        agency.assert_converged(slug)

    for slug, held in first.items():
        ended = held.release()
        assert ended.rc == 0, f"{slug}: {ended.output}"
    return Outcome(agency, refusals, pids)


@pytest.mark.parametrize("slug", STEPS)
def test_the_second_run_is_refused_and_told_who_is_at_it(outcome: Outcome, slug: str) -> None:
    message = outcome.refusals[slug]
    assert f"process {outcome.pids[slug]}" in message
    assert "Another run is changing this client" in message and "take_lock=true" in message


@pytest.mark.parametrize("slug", STEPS)
def test_both_go_on_and_there_is_one_key(outcome: Outcome, slug: str) -> None:
    outcome.agency.assert_converged(slug)
    assert [key["name"] for key in outcome.agency.control.keys_named(f"client-{slug}")] == [f"client-{slug}"]


def test_then_a_run_changes_nothing(outcome: Outcome) -> None:
    outcome.agency.control.clear_journal()
    result = outcome.agency.onboard(ALL)
    assert result.total("changed") == 0
    assert outcome.agency.control.writes() == []


def test_a_lock_of_another_controller_counts_for_an_hour_or_so(agency: Agency) -> None:
    slug = agency.client("locked")
    owner = {"run": "ansible-local-1abc", "machine": "f" * 16, "pid": 1, "started": "1", "who": "anna on bastion",
             "job": "4711", "since": int(time.time()) - 60}  # fmt: skip
    lock = agency.lock(slug)
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps(owner) + "\n")
    message = agency.failures(slug)[slug]
    assert "anna on bastion, job 4711" in message
    assert json.loads(lock.read_text()) == owner and not agency.directory(slug).exists()
    # To look, and to say what would be done, nobody has to wait
    assert agency.run(slug, "--check").rc == 0

    lock.write_text(json.dumps({**owner, "since": int(time.time()) - 24 * 3600}) + "\n")
    taken = agency.onboard(slug, "-v")
    assert "taken_over_from: anna on bastion, job 4711" in taken.said
    agency.assert_converged(slug)
