# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenRouter fails while a client is onboarded."""

from __future__ import annotations

import pathlib

from tests.kit.agency import KEPT, Agency


def test_passing_faults_are_waited_out(agency: Agency) -> None:
    control = agency.control
    control.fault(kind="status", status=502, method="GET", path="^/credits$")
    control.fault(kind="status", status=429, retry_after=1, method="GET", path="^/keys$")
    control.fault(kind="status", status=429, retry_after=1, method="POST")
    control.fault(kind="cut", when="after", method="POST")  # the second attempt: it may have made a key, and has
    control.fault(kind="status", status=503, method="PATCH", when="after")
    control.fault(kind="slow", seconds=2, method="GET", path="^/key$", times=2)
    slug = agency.client("patient")
    agency.onboard(slug)
    assert all(fault["hits"] for fault in control.faults() if fault["kind"] != "slow")
    agency.assert_converged(slug)
    assert len(control.keys_named(slug)) == 1


# A request that is never answered, and every other fault at every request: tests/faults


def test_lasting_faults_stop_the_run_and_leave_nothing(agency: Agency) -> None:
    leaky = '{"error": {"code": 500, "message": "{authorization}"}}'
    agency.control.fault(kind="status", status=500, method="POST", times=None, body=leaky)
    slug = agency.client("unlucky")
    stopped = agency.run(slug)
    assert stopped.rc == 2 and "OpenRouter answered 500" in stopped.said
    assert agency.openrouter.provisioning_key not in stopped.output
    assert agency.control.keys_named(slug) == [] and not agency.key_file(slug).exists()
    assert not agency.lock(slug).exists()
    agency.control.clear_faults()
    agency.onboard(slug)
    agency.assert_converged(slug)


def test_an_account_that_cannot_be_reached_stops_the_run_before_anything_is_touched(agency: Agency) -> None:
    slug = agency.client("offline")
    agency.control.fault(kind="status", status=403, method="GET", path="^/credits$", times=None)
    stopped = agency.run(slug)
    assert stopped.rc == 2 and "OpenRouter answered 403" in stopped.said
    assert agency.control.writes() == [] and not agency.directory(slug).exists()


def written_by_us(agency: Agency, slug: str) -> dict[pathlib.Path, int]:
    """When each file was written, but those in which the running instance itself writes."""
    files = [path for path in agency.directory(slug).iterdir() if path.name not in ("data", "instance.log")]
    return {path: path.stat().st_mtime_ns for path in files}


def test_an_instance_that_runs_is_not_hurt(onboarded: Agency) -> None:
    agency, slug = onboarded, KEPT
    pid, files = agency.pid(slug), written_by_us(agency, slug)
    agency.client(slug, mai_monthly_limit=75)
    agency.control.fault(kind="html", status=502, method="PATCH", times=None)
    stopped = agency.run(slug)
    assert stopped.rc == 2 and "OpenRouter answered 502" in stopped.said
    assert agency.pid(slug) == pid
    assert files.items() <= written_by_us(agency, slug).items()
    agency.assert_converged(slug)
    agency.control.clear_faults()
    agency.onboard(slug)
    assert agency.key(slug)["limit"] == 75 and agency.pid(slug) == pid
