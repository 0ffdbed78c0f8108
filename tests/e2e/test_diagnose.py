# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""diagnose_client.yml and client_info.yml over SSH: a client that is well, a stopped container, a machine that is gone.

(Every fault that it names: tests/integration/day_two/test_diagnose.py.)
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

from tests.e2e.fleet import Fleet
from tests.e2e.operations import record_operation, untouched
from tests.e2e.test_interrupted import cut_off
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.openrouter_simulator import Simulator

SLUG = "diagnosed"


def results(folder: pathlib.Path) -> dict[str, str]:
    return {one["check"]: one["result"] for one in json.loads((folder / "checks.json").read_text())[SLUG]}


def leaks(fleet: Fleet, result: Result) -> bool:
    return any(secret in result.output for secret in fleet.secrets(SLUG))


def test_a_client_that_is_well_then_stopped_then_gone(
    new_fleet: Callable[..., Fleet], simulator: Simulator, ready_hosts: tuple[Host, Host], tmp_path: pathlib.Path
) -> None:
    fleet = new_fleet(mai_admin_email="boss@example.com", mai_instance_api_base_url=simulator.openrouter_like_url)
    fleet.put(SLUG, ready_hosts[0], mai_monthly_limit=50)
    fleet.run(SLUG)

    def diagnose(*arguments: str, check: bool = True) -> Result:
        file = ("-e", f"json_file={tmp_path}/checks.json")
        result = fleet.run(SLUG, *file, *arguments, playbook="playbooks/diagnose_client.yml", check=check)
        assert result.total("changed") == 0 and fleet.writes == []
        return result

    with untouched(fleet, [SLUG]):
        well = diagnose("-e", "paid_test=true", "-vvv")
        assert set(results(tmp_path).values()) == {"ok"} and not leaks(fleet, well), well.output
        plain = diagnose()
        info = fleet.run(SLUG, "-vvv", playbook="playbooks/client_info.yml")
        assert "name: mai-diagnosed" in info.said and not leaks(fleet, info)
    record_operation("diagnose_client", first=plain)
    record_operation("client_info", first=info)

    fleet.host(SLUG).exec("docker", "stop", fleet.service(SLUG))
    stopped = diagnose(check=False)
    failed = [check for check, result in results(tmp_path).items() if result == "failed"]
    assert (stopped.rc, failed) == (2, ["instance up"]), stopped.output
    assert f"playbooks/onboard_client.yml -e client={SLUG}" in stopped.said

    with cut_off(fleet.host(SLUG)):
        gone = diagnose()
        told = results(tmp_path)
    assert "failed" not in told.values() and (told["disk"], told["key exists"]) == ("unknown", "ok"), gone.output
