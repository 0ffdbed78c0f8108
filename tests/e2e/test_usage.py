# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a client's usage over its life: each day by its timer, and at each operation.

The tests build on one another.
"""

from __future__ import annotations

import csv
import io
import typing as t

import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result

SLUG = "counted"
ROTATE, SUSPEND = "playbooks/rotate_key.yml", "playbooks/suspend_client.yml"
RESUME, OFFBOARD = "playbooks/resume_client.yml", "playbooks/offboard_client.yml"


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host]) -> Fleet:
    fleet = new_fleet(mai_admin_email="boss@example.com", mai_monthly_limit=50, mai_usage_history=True)
    fleet.put(SLUG, ready_hosts[0])
    return fleet


@pytest.fixture(scope="module")
def onboarded(fleet: Fleet) -> Result:
    return fleet.run(SLUG)


def lines(fleet: Fleet, name: str = "usage.csv") -> list[tuple[str, str, str]]:
    """Key, usage and reason of each reading."""
    rows = csv.DictReader(io.StringIO(fleet.sh(SLUG, f"cat {fleet.directory(SLUG)}/{name}")))
    return [(row["key_hash"], row["usage"], row["why"]) for row in rows]


def start(fleet: Fleet) -> str:
    """What the timer does, and what the journal has of it."""
    unit = f"{fleet.service(SLUG)}-usage.service"
    fleet.sh(SLUG, f"systemctl start {unit}", check=False)
    return fleet.sh(SLUG, f"systemctl show -p Result {unit}; journalctl -o cat -n 5 -u {unit}")


def test_a_timer_reads_what_was_used(fleet: Fleet, onboarded: Result) -> None:
    key, service = fleet.only_key(SLUG), fleet.service(SLUG)
    timer = fleet.sh(SLUG, f"systemctl show {service}-usage.timer -p ActiveState -p UnitFileState")
    assert timer.split() == ["ActiveState=active", "UnitFileState=enabled"]
    assert "usage history" not in onboarded.said
    fleet.control.usage(key["hash"], 1.25)
    journal = start(fleet)
    assert "Result=success" in journal and fleet.secret(SLUG) not in journal
    assert lines(fleet)[0] == (key["hash"], "1.25", "daily")
    assert fleet.sh(SLUG, f"stat -c %a {fleet.directory(SLUG)}/usage.csv") == "600\n"


def test_a_second_onboarding_changes_nothing(fleet: Fleet, onboarded: Result) -> None:
    again = fleet.run(SLUG)
    assert again.total("changed") == 0 and fleet.writes == []
    info = fleet.run(SLUG, playbook="playbooks/client_info.yml")
    assert "usage: 1.25" in info.said


def test_a_rotation_notes_what_the_old_key_used(fleet: Fleet, onboarded: Result) -> None:
    old = fleet.only_key(SLUG)["hash"]
    fleet.control.usage(old, 0.5)
    fleet.run(SLUG, "-e", "delete_old=true", playbook=ROTATE)
    new = fleet.only_key(SLUG)
    assert lines(fleet)[-2:] == [(old, "1.75", "rotation"), (new["hash"], f"{new['usage']:.8f}", "rotation")]


def test_a_suspension_notes_it_and_no_gap_begins(fleet: Fleet, onboarded: Result) -> None:
    key = fleet.only_key(SLUG)["hash"]
    fleet.run(SLUG, "-e", "keep_running=true", playbook=SUSPEND)
    before = lines(fleet)
    assert before[-1][0::2] == (key, "suspension")
    assert "Result=success" in start(fleet) and lines(fleet) == before
    resumed = fleet.run(SLUG, playbook=RESUME)
    assert lines(fleet)[-1][2] == "resumption" and "usage.csv" not in resumed.said


def test_an_off_boarding_keeps_it_in_the_archive(fleet: Fleet, onboarded: Result) -> None:
    key = fleet.only_key(SLUG)["hash"]
    fleet.run(SLUG, "-e", f"confirm={SLUG}", playbook=OFFBOARD)
    [archived] = fleet.sh(SLUG, f"ls -d /opt/mai/deployments/archive/client-{SLUG}-*/usage.csv").split()
    rows = csv.DictReader(io.StringIO(fleet.sh(SLUG, f"cat {archived}")))
    assert [(row["key_hash"], row["why"]) for row in rows][-1] == (key, "offboarding")
    left = f"ls -d {archived[:-9]}.usage; ls /etc/systemd/system | grep {fleet.service(SLUG)}-usage"
    assert fleet.sh(SLUG, left, check=False) == ""
