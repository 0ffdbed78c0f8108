# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run dies at any moment; the next one makes it good.

Each case interrupts the run of a client of its own. Then one run takes all of them to their end, and another one
changes nothing.
"""

from __future__ import annotations

import signal
import typing as t

import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency, kill

START = "Start the process with its new configuration"
ROW = "The client's record in the instance's database"

# Over SSH there are more: tests/e2e/test_interrupted.py.
# slug: (where the run stands: a request to OpenRouter, or a task, before it; what happens to it there)
CASES: dict[str, tuple[t.Any, signal.Signals | str]] = {
    "created": (("POST", "after"), signal.SIGKILL),
    "created-timeout": (("POST", "after"), "timeout"),
    "stored": (("PATCH", "before"), signal.SIGKILL),
    "committed": (("PATCH", "after"), signal.SIGKILL),
    "before-start": (START, signal.SIGKILL),
    "before-row": (ROW, signal.SIGKILL),
}


def interrupt(agency: Agency, slug: str) -> None:
    where, how = CASES[slug]
    agency.client(slug, mai_extra_env={"STANDIN_STARTUP_DELAY": "1"})
    if isinstance(where, str):
        agency.start_until(where, slug).kill(t.cast(signal.Signals, how))
        return
    method, when = where
    fault = agency.control.fault(kind="hold", method=method, when=when, name=f"client-{slug} ~pending-")
    # Shorter than the time that a request has to be answered
    run = agency.start(slug, **({"ANSIBLE_TASK_TIMEOUT": "15"} if how == "timeout" else {}))
    agency.control.wait_until_held(fault, 120)
    if how == "timeout":
        result = run.wait()
        assert result.rc == 2 and "Interrupted while the key was made" in result.output, result.output
    else:
        kill(run, t.cast(signal.Signals, how))


@pytest.fixture(scope="module")
def interrupted(agency: Agency) -> Agency:
    """Every client's run has died at its place."""
    for slug in CASES:
        interrupt(agency, slug)
    # A request that waits belongs to nobody any more: it is dropped.
    agency.openrouter.stop()
    agency.openrouter.start()
    return agency


def test_what_each_interruption_leaves(interrupted: Agency) -> None:
    """The cases are what they say: each has stopped before its place and not earlier."""
    names = {key["name"].split(" ~pending-")[0]: "pending" in key["name"] for key in interrupted.control.all_keys()}
    for slug, (where, how) in CASES.items():
        provisional, stored = names.get(f"client-{slug}"), interrupted.key_file(slug).exists()
        if where == ("POST", "after"):
            assert (provisional, stored) == (True, False), slug
        elif where == ("PATCH", "before"):
            assert (provisional, stored) == (True, True), slug
        else:
            assert (provisional, stored) == (False, True), slug
        # Who dies does not give the lock back; who runs out of time does.
        assert interrupted.lock(slug).exists() == (how != "timeout"), slug


@pytest.fixture(scope="module")
def recovered(interrupted: Agency) -> tuple[Result, Result]:
    interrupted.control.clear_journal()
    first = interrupted.run("all")
    assert first.rc == 0, first.output
    deleted = [name for method, name, _status in interrupted.control.writes() if method == "DELETE"]
    interrupted.control.clear_journal()
    # Nothing is deleted but the provisional keys whose secret nobody has.
    assert sorted(str(name).partition(" ~pending-")[0] for name in deleted) == sorted(
        f"client-{slug}" for slug, (where, _how) in CASES.items() if where == ("POST", "after")
    )
    return first, interrupted.run("all")


@pytest.mark.parametrize("slug", CASES)
def test_the_next_run_takes_it_to_its_end(interrupted: Agency, recovered: tuple[Result, Result], slug: str) -> None:
    interrupted.assert_converged(slug)
    assert len(interrupted.control.keys_named(f"client-{slug}")) == len(
        [other for other in CASES if other.startswith(slug)]
    )
    second = recovered[1]
    assert second.rc == 0 and second.stats[slug]["changed"] == 0, second.output


def test_a_used_key_is_not_deleted_though_its_run_was_killed(interrupted: Agency) -> None:
    """Somebody used the provisional key (a second controller, a person): it is reported, never removed."""
    slug = interrupted.client("used-provisional")
    fault = interrupted.control.fault(kind="hold", method="POST", when="after", name=f"client-{slug} ~pending-")
    run = interrupted.start(slug)
    interrupted.control.wait_until_held(fault, 120)
    kill(run, signal.SIGKILL)
    interrupted.control.clear_faults()
    [pending] = interrupted.control.keys_named(f"client-{slug} ~pending-")
    interrupted.control.usage(pending["hash"], 0.5)

    again = interrupted.onboard(slug)
    assert pending["name"] in again.output
    keys = {key["hash"]: key["name"] for key in interrupted.control.keys_named(f"client-{slug}")}
    assert keys.pop(pending["hash"]) == pending["name"]
    assert list(keys.values()) == [f"client-{slug}"]
