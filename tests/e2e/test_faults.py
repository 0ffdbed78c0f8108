# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on a host: an image that does not come up, a lost key file, no way in, no room.

(Lost keys and OpenRouter's faults, without a host: tests/integration/onboarding.)
"""

from __future__ import annotations

import contextlib
import typing as t

import httpx
import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result

CANARY = "canary-8c1f2e-in-the-log"


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host]) -> Fleet:
    fleet = new_fleet(mai_admin_email="admin@example.com")
    fleet.put("patient", ready_hosts[0], mai_health_timeout=10)
    fleet.put("full", ready_hosts[0])
    return fleet


@pytest.fixture(scope="module")
def failed_start(fleet: Fleet) -> Result:
    """The first start of an image that ends at once, and says a secret while it does."""
    fleet.change("patient", mai_extra_env={"STANDIN_FAIL": CANARY, "BILLING_TOKEN": CANARY})
    return fleet.run("patient", check=False)


def test_the_error_shows_the_log_without_its_secrets(failed_start: Result) -> None:
    assert failed_start.rc == 2
    assert "The instance of patient did not come up" in failed_start.said
    assert "STANDIN_FAIL must be one of" in failed_start.said
    assert CANARY not in failed_start.output and "***" in failed_start.said


def test_a_failed_first_start_leaves_nothing_that_can_be_reached(fleet: Fleet, failed_start: Result) -> None:
    with fleet.api("patient") as api, pytest.raises(httpx.TransportError):
        api.get("/health")
    assert fleet.published("patient")["HostIp"] == "127.0.0.1"
    assert fleet.only_key("patient")["name"] == "client-patient"


@pytest.fixture(scope="module")
def corrected(fleet: Fleet, failed_start: Result) -> Result:
    fleet.change("patient", mai_extra_env={})
    return fleet.run("patient")


def test_the_cause_corrected_it_comes_up_with_the_same_key(fleet: Fleet, corrected: Result) -> None:
    assert [write for write in fleet.writes if write[0] == "POST"] == []
    with fleet.api("patient") as api:
        assert api.get("/health").json() == {"status": True}


def environment(fleet: Fleet) -> dict[str, str]:
    """But for the container's name for itself."""
    return {name: value for name, value in fleet.environment("patient").items() if name != "HOSTNAME"}


@pytest.mark.parametrize("fault", ["stuck", "unhealthy"])
def test_the_previous_version_runs_on(fleet: Fleet, corrected: Result, fault: str) -> None:
    before = environment(fleet)
    fleet.change("patient", mai_extra_env={"STANDIN_FAIL": fault}, mai_health_timeout=5)
    failed = fleet.run("patient", check=False)
    assert failed.rc == 2 and "The previous version runs on." in failed.said
    with fleet.api("patient") as api:
        assert api.get("/health").json() == {"status": True}
    assert environment(fleet) == before and "STANDIN_FAIL" not in fleet.file("patient", "settings.env")
    fleet.change("patient", mai_extra_env={}, mai_health_timeout=10)


def test_after_going_back_nothing_is_left_to_change(fleet: Fleet, corrected: Result) -> None:
    assert fleet.run("patient").total("changed") == 0


def test_a_lost_key_is_recovered_from_the_running_container(fleet: Fleet, corrected: Result) -> None:
    secret, started = fleet.variables("patient", "api_key.env"), fleet.started("patient")
    fleet.sh("patient", f"rm {fleet.directory('patient')}/api_key.env")
    recovered = fleet.run("patient", "-v")
    assert "found: environment" in recovered.said
    assert fleet.variables("patient", "api_key.env") == secret
    assert fleet.started("patient") == started and fleet.writes == []
    assert fleet.sh("patient", f"stat -c %a:%U {fleet.directory('patient')}/api_key.env") == "600:root\n"


def test_a_host_that_cannot_be_reached_costs_no_key(fleet: Fleet) -> None:
    fleet.put("nowhere", fleet.host("patient"), ansible_port=1)
    run = fleet.run("nowhere", check=False)
    assert run.rc == 4 and run.stats["nowhere"]["unreachable"] == 1
    assert "Connection refused" in run.output
    assert fleet.writes == [] and fleet.control.keys_named("client-nowhere") == []


@contextlib.contextmanager
def small_disk(fleet: Fleet, slug: str, options: str) -> t.Iterator[str]:
    """The client's directory, of a file system of its own; it is ours, and empty."""
    directory = fleet.directory(slug)
    script = f"mkdir -m 700 {directory} && mount -t tmpfs -o size=4g,mode=700 none {directory}"
    fleet.sh(slug, f"{script} && echo {slug} > {directory}/.mai-clients && mount -o remount,{options} {directory}")
    try:
        yield directory
    finally:
        fleet.sh(slug, f"umount {directory} && rmdir {directory}")


def test_a_directory_that_cannot_be_written_costs_no_key(fleet: Fleet) -> None:
    with small_disk(fleet, "full", "ro"):
        run = fleet.run("full", check=False)
    assert run.rc == 2 and "cannot be read or written: Read-only file system" in run.said
    assert fleet.writes == [] and fleet.control.keys_named("client-full") == []


def test_a_disk_that_fills_up_at_the_last_moment_leaves_no_key(fleet: Fleet) -> None:
    control = fleet.control
    with small_disk(fleet, "full", "rw") as directory:
        hold = control.fault(kind="hold", method="POST", when="after")
        run = fleet.start("full")
        control.wait_until_held(hold, 120)
        # No block is left for another file's content.
        fleet.sh(
            "full", f"mount -o remount,size=$(df --output=used -B1 {directory} | tail -n 1 | tr -d ' ') {directory}"
        )
        control.release(hold)
        ended = run.wait()
        control.clear_faults()
        assert fleet.sh("full", f"ls -A {directory}").split() == [".mai-clients", "admin.env", "secrets.env"]
    assert ended.rc == 2 and "is the disk full?" in ended.said and "The new key was removed again" in ended.said
    assert control.keys_named("client-full") == []
