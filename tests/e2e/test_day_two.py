# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to clients after their onboarding, over SSH: checked, interrupted, done, and done again.

The tests build on one another, in this order. (Every case of each operation: tests/integration/day_two.)
"""

from __future__ import annotations

import json
import pathlib
import signal
import typing as t

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.operations import record_operation, untouched
from tests.e2e.test_interrupted import cut_off, hold_at_task
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.probe import Probe

ALL = ("acme", "plain")
ADMIN = "boss@example.com"


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host]) -> Fleet:
    """acme takes the key for its chats from its environment; plain is an Open WebUI, which reads the saved one."""
    fleet = new_fleet(mai_admin_email=ADMIN)
    fleet.put("acme", ready_hosts[1], mai_monthly_limit=50)
    own = {"mai_extra_env": {"STANDIN_GENERATION": "none"}, "mai_database_create_table": True}
    fleet.put("plain", ready_hosts[1], mai_monthly_limit=50, **own)
    fleet.run(",".join(ALL))
    return fleet


def play(fleet: Fleet, name: str, clients: str, *arguments: str, check: bool = True) -> Result:
    return fleet.run(clients, *arguments, playbook=f"playbooks/{name}.yml", check=check)


def keys_of(fleet: Fleet, slug: str) -> list[str]:
    """The hashes of the key in use and of those that were replaced."""
    return [key["hash"] for key in fleet.control.all_keys() if key["name"].split(" ~")[0] == f"client-{slug}"]


def what_is_left_of(fleet: Fleet, slug: str) -> str:
    """Containers, networks and the directory."""
    return fleet.sh(
        slug,
        f"""
        docker ps --all --quiet --filter name={fleet.service(slug)}
        docker network ls --quiet --filter label=com.docker.compose.project=client-{slug}
        ls -d {fleet.directory(slug)} 2>&- || true
        """,
    )


def test_another_limit(fleet: Fleet) -> None:
    limit = ("-e", "new_limit=750")
    with untouched(fleet, ALL):
        assert play(fleet, "set_limit", "acme", *limit, "--check", "--diff").total("changed") > 0
    before = fleet.started("acme")
    first = play(fleet, "set_limit", "acme", *limit)
    assert (fleet.key("acme")["limit"], fleet.organization("acme")["monthly_limit"]) == (750, 750)
    assert fleet.started("acme") == before
    fleet.change("acme", mai_monthly_limit=750)
    with untouched(fleet, ALL):
        again = play(fleet, "set_limit", "acme", *limit)
    assert again.total("changed") == 0, again.output
    record_operation("set_limit", first=first, again=again)


def test_suspended_though_the_machine_does_not_answer(fleet: Fleet) -> None:
    with untouched(fleet, ALL):
        assert play(fleet, "suspend_client", "acme", "--check", "--diff").total("changed") > 0
    assert not fleet.key("acme")["disabled"]
    with cut_off(fleet.host("acme")):
        gone = play(fleet, "suspend_client", "acme", check=False)
    assert gone.rc != 0 and "key disabled, instance not reached" in gone.said
    assert fleet.key("acme")["disabled"] and fleet.container("acme")["State"]["Running"]

    first = play(fleet, "suspend_client", "acme")
    assert not fleet.container("acme")["State"]["Running"] and fleet.organization("acme")["is_active"] == 0
    with untouched(fleet, ALL):
        again = play(fleet, "suspend_client", "acme")
    assert again.total("changed") == 0, again.output
    record_operation("suspend_client", first=first, again=again)


def test_resumed(fleet: Fleet) -> None:
    with untouched(fleet, ALL):
        assert play(fleet, "resume_client", "acme", "--check", "--diff").total("changed") > 0
    first = play(fleet, "resume_client", "acme")
    assert not fleet.key("acme")["disabled"] and fleet.organization("acme")["is_active"] == 1
    with fleet.api("acme") as api:
        assert api.get("/health").json() == {"status": True}
    with untouched(fleet, ALL):
        again = play(fleet, "resume_client", "acme")
    assert again.total("changed") == 0, again.output
    record_operation("resume_client", first=first, again=again)


def test_the_list(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    file = ("-e", f"json_file={tmp_path}/list.json")
    with untouched(fleet, ALL):
        first = play(fleet, "list_clients", "all", *file)
        rows = {row["client"]: row for row in json.loads((tmp_path / "list.json").read_text())}
        assert {slug: (row["state"], row["limit"]) for slug, row in rows.items()} == {
            "acme": ("up", 750),
            "plain": ("up", 50),
        }
    record_operation("list_clients, of two", first=first)


def test_a_new_key_for_an_instance_that_must_restart(fleet: Fleet) -> None:
    old, secret = fleet.key("acme"), fleet.secret("acme")
    with untouched(fleet, ALL):
        assert play(fleet, "rotate_key", "acme", "--check", "--diff").total("changed") > 0
    with fleet.session("acme") as api, Probe(api) as probe:
        first = play(fleet, "rotate_key", "acme")
    assert probe.answers > 10
    assert fleet.key("acme")["hash"] != old["hash"] and not fleet.key("acme")["disabled"]
    assert [other["disabled"] for other in fleet.control.all_keys() if other["hash"] == old["hash"]] == [True]
    assert fleet.secret("acme") != secret and secret not in first.output
    with untouched(fleet, ALL):
        again = play(fleet, "rotate_key", "acme", "-e", "older_than_days=1")
    assert again.total("changed") == 0, again.output
    record_operation("rotate_key, with a restart", first=first, again=again, gap=probe.longest_gap)


def test_a_new_key_without_a_restart(fleet: Fleet) -> None:
    old, before = fleet.key("plain"), fleet.started("plain")
    with fleet.session("plain") as api, Probe(api) as probe:
        first = play(fleet, "rotate_key", "plain")
    assert fleet.key("plain")["hash"] != old["hash"] and fleet.started("plain") == before
    assert probe.refused == 0 and probe.answers > 10
    record_operation("rotate_key, without a restart", first=first, gap=probe.longest_gap)


def test_the_whole_site(fleet: Fleet) -> None:
    for slug in ALL:
        fleet.change(slug, mai_monthly_limit=75)
    with untouched(fleet, ALL):
        drifted = play(fleet, "site", "all", "--check", "-e", "fail_on_drift=true", check=False)
    assert drifted.rc == 2 and "plain: would change: key (limit)" in drifted.said
    first = play(fleet, "site", "all")
    assert {slug: fleet.key(slug)["limit"] for slug in ALL} == {"acme": 75, "plain": 75}
    with untouched(fleet, ALL):
        again = play(fleet, "site", "all")
    assert again.total("changed") == 0, again.output
    record_operation("site, of two", first=first, again=again)


def test_off_boarded_while_its_neighbour_runs_on(fleet: Fleet) -> None:
    leave = ("offboard_client", "acme", "-e", "confirm=acme")
    network = fleet.sh("acme", "docker network ls --quiet --filter label=com.docker.compose.project=client-acme")
    secret, hashes = fleet.secret("acme"), keys_of(fleet, "acme")
    assert network and len(hashes) == 2
    with untouched(fleet, ALL):
        checked = play(fleet, *leave, "--check", "--diff")
        assert checked.total("changed") > 0 and "would be off-boarded" in checked.said
    with cut_off(fleet.host("acme")):
        gone = play(fleet, *leave, check=False)
    assert gone.rc == 2 and "keys disabled, instance not reached" in gone.said
    assert fleet.key("acme")["disabled"] and fleet.container("acme")["State"]["Running"]

    neighbour = fleet.started("plain")
    first = play(fleet, *leave)
    assert fleet.started("plain") == neighbour and not fleet.key("plain")["disabled"]
    assert keys_of(fleet, "acme") == [] and secret not in first.output
    assert what_is_left_of(fleet, "acme") == ""
    archive = fleet.sh("acme", "echo /opt/mai/deployments/archive/client-acme-*").strip()
    assert fleet.sh("acme", f"cd {archive} && ls secrets.env webui-final.db && stat -c %a .. .").endswith("700\n700\n")
    assert all(known in fleet.sh("acme", f"cat {archive}/OFFBOARDED.md") for known in hashes)
    with untouched(fleet, ["plain"]):
        again = play(fleet, *leave)
    assert again.total("changed") == 0 and "nothing to do" in again.said, again.output
    record_operation("offboard_client", first=first, again=again)


def test_off_boarded_though_its_compose_file_is_lost_and_the_run_is_killed(
    fleet: Fleet, tmp_path: pathlib.Path
) -> None:
    fleet.sh("plain", f"rm {fleet.directory('plain')}/compose.yml")
    leave, archives = ("-e", "confirm=plain"), "/opt/mai/deployments/archive"
    task, playbook = "Remove the containers", "playbooks/offboard_client.yml"
    held = hold_at_task(fleet, "plain", task, tmp_path, *leave, playbook=playbook)
    held.run.signal_all(signal.SIGKILL)
    held.run.wait(60)
    assert not fleet.container("plain")["State"]["Running"] and fleet.key("plain")["disabled"]
    play(fleet, "offboard_client", "plain", *leave, "-e", "take_lock=true", "-e", "purge_data=true")
    assert keys_of(fleet, "plain") == [] and what_is_left_of(fleet, "plain") == ""
    assert fleet.sh("plain", f"ls {archives}") == fleet.sh("plain", f"cd {archives}; ls -d client-acme-*")
