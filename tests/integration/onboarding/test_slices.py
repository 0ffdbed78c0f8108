# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller does to one run: two slices at once, the same client by two jobs at once, a relaunch for those that
failed. It comes to what one run at a terminal comes to: exactly one key for each client.

(A limit that leaves the client out: tests/e2e/test_runner.py. Two runs at every step: test_two_runs.py.)
"""

from __future__ import annotations

import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency

CLIENTS = [f"slice-{number}" for number in range(1, 5)]
HALVES = (CLIENTS[0::2], CLIENTS[1::2])
TWICE = "twice-at-once"


def job(number: int) -> dict[str, str]:
    return {"AWX_HOST": "https://awx.example.com", "JOB_ID": str(number)}


@pytest.fixture(scope="module")
def first(agency: Agency) -> dict[int, Result]:
    """Two slices of one template, each with half of the clients; one client of each cannot be made yet."""
    for slug in CLIENTS:
        agency.client(slug)
    # An answer that nobody tries again: no waiting
    broken = {"kind": "status", "status": 400, "method": "POST", "times": None}
    for half in HALVES:
        agency.control.fault(**broken, name=f"client-{half[1]} ")
    slices = {
        number: agency.start("all", "--limit", ",".join(half), **job(number))
        for number, half in enumerate(HALVES, start=4711)
    }
    results = {number: run.wait() for number, run in slices.items()}
    agency.control.clear_faults()
    return results


def test_each_slice_has_its_own_clients_and_no_other(first: dict[int, Result]) -> None:
    for result, half in zip(first.values(), HALVES, strict=True):
        assert set(result.stats) == set(half), result.output
        assert [result.stats[slug]["failed"] for slug in half] == [0, 1], result.output


@pytest.fixture(scope="module")
def relaunched(agency: Agency, first: dict[int, Result]) -> Result:
    """*Relaunch on failed hosts*: the same answers, and a limit to those that failed."""
    failed = [half[1] for half in HALVES]
    agency.control.clear_journal()
    result = agency.onboard("all", "--limit", ",".join(failed), **job(4713))
    assert [method for method, _name, _status in agency.control.writes()].count("POST") == len(failed)
    return result


def test_a_relaunch_is_for_those_that_failed(relaunched: Result) -> None:
    assert set(relaunched.stats) == {half[1] for half in HALVES}


@pytest.mark.parametrize("slug", CLIENTS)
def test_there_is_one_key_for_each(agency: Agency, relaunched: Result, slug: str) -> None:
    agency.assert_converged(slug)
    assert [key["name"] for key in agency.control.keys_named(f"client-{slug}")] == [f"client-{slug}"]


def test_the_same_client_by_two_jobs_at_once(agency: Agency) -> None:
    """Nobody holds them: whoever comes second is told of the first, and one key is made."""
    agency.client(TWICE)
    runs = [agency.start(TWICE, **job(number)) for number in (4801, 4802)]
    results = {number: run.wait() for number, run in zip((4801, 4802), runs, strict=True)}
    done = [number for number, result in results.items() if result.rc == 0]
    assert done, "\n".join(result.output for result in results.values())
    for result in results.values():
        if result.rc:
            assert "Another run is changing this client" in result.said and f"job {done[0]}" in result.said
    agency.assert_converged(TWICE)
    assert [key["name"] for key in agency.control.keys_named(f"client-{TWICE}")] == [f"client-{TWICE}"]
