# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A native instance, kept running by systemd, on a machine without Docker."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY

SLUG = "native-one"
UNIT = "mai-nativeone.service"
PACKAGES = "python3-starlette python3-uvicorn python3-httpx python3-jwt python3-bcrypt python3-websockets"
HOSTILE = "a\"b'c$d\\e%h `x` \nf #g Ż"


def install_standin(host: Host) -> None:
    host.exec("sh", "-c", "apt-get update -qq")
    host.exec("sh", "-c", f"DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends {PACKAGES}")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted((REPOSITORY / "tests" / "mai_standin").glob("*.py")):
            tar.add(path, f"mai_standin/{path.name}")
    host.exec("tar", "-C", "/opt", "-xf", "-", data=archive.getvalue())


@pytest.fixture(scope="module")
def fleet(boot: Callable[..., Host], new_fleet: Callable[..., Fleet]) -> Fleet:
    """One client, onboarded."""
    host = boot("mai-test-host-bare:trixie")
    install_standin(host)
    fleet = new_fleet(mai_deployment="native")
    fleet.put(
        SLUG,
        host,
        mai_client_name="Native One",
        mai_admin_email="admin@native.example",
        mai_start_command="python3 /opt/mai_standin",
        mai_memory_limit="512m",
        mai_extra_env={"HOSTILE": HOSTILE},
    )
    fleet.run(SLUG)
    return fleet


def unit(fleet: Fleet, name: str) -> str:
    return fleet.host(SLUG).exec("systemctl", "show", UNIT, f"--property={name}", "--value").stdout.strip()


def environment(fleet: Fleet) -> dict[str, str]:
    entries = fleet.host(SLUG).exec("cat", f"/proc/{unit(fleet, 'MainPID')}/environ").stdout.split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_systemd_keeps_it_running_after_a_reboot(fleet: Fleet) -> None:
    assert unit(fleet, "ActiveState") == "active"
    assert unit(fleet, "UnitFileState") == "enabled"
    assert unit(fleet, "MemoryMax") == str(512 * 1024**2)


def test_its_environment_is_what_the_inventory_says_and_nothing_of_whoever_started_it(fleet: Fleet) -> None:
    variables = environment(fleet)
    assert variables["HOSTILE"] == HOSTILE
    assert variables["OPENAI_API_KEY"] == variables["OPENROUTER_API_KEY"]
    assert fleet.openrouter.provisioning_key not in str(variables)
    assert not [name for name in variables if name.startswith(("SSH_", "SUDO_", "ANSIBLE_"))]


def test_the_second_run_changes_nothing(fleet: Fleet) -> None:
    before = unit(fleet, "InvocationID")
    again = fleet.run(SLUG)
    assert (again.total("changed"), fleet.writes) == (0, [])
    assert unit(fleet, "InvocationID") == before


def test_a_changed_limit_of_memory_restarts_it_once(fleet: Fleet) -> None:
    before = unit(fleet, "InvocationID")
    fleet.change(SLUG, mai_memory_limit="600m")
    fleet.run(SLUG)
    after = unit(fleet, "InvocationID")
    assert after != before
    assert unit(fleet, "MemoryMax") == str(600 * 1024**2)
    assert fleet.run(SLUG).total("changed") == 0
    assert unit(fleet, "InvocationID") == after


def test_what_ran_before_runs_on_when_a_change_does_not_start(fleet: Fleet) -> None:
    fleet.change(SLUG, mai_start_command="sh -c 'echo broken by design; exit 7'", mai_health_timeout=5)
    broken = fleet.run(SLUG, check=False)
    assert broken.rc == 2
    said = " ".join(broken.output.split())
    assert "broken by design" in said and "The previous version runs on." in said
    assert "python3 /opt/mai_standin" in fleet.file(SLUG, "start-mai-instance.sh")
    assert unit(fleet, "ActiveState") == "active"

    fleet.change(SLUG, mai_start_command="python3 /opt/mai_standin")
    assert fleet.run(SLUG).rc == 0


def test_off_boarded(fleet: Fleet) -> None:
    pid, host = unit(fleet, "MainPID"), fleet.host(SLUG)
    leave = {"playbook": "playbooks/offboard_client.yml"}
    fleet.run(SLUG, "-e", f"confirm={SLUG}", **leave)
    assert unit(fleet, "LoadState") == "not-found" and host.exec("kill", "-0", pid, check=False).returncode != 0
    assert fleet.control.keys_named(f"client-{SLUG}") == []
    assert host.exec("test", "-e", fleet.directory(SLUG), check=False).returncode == 1
    assert "webui-final.db" in fleet.sh(SLUG, f"ls /opt/mai/deployments/archive/client-{SLUG}-*")
    again = fleet.run(SLUG, "-e", f"confirm={SLUG}", **leave)
    assert (again.total("changed"), fleet.writes) == (0, [])
