# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients on one machine, onboarded in one run.

Native instances under systemd: as many containers would take more minutes than the tests of everything may.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.figures import Table

CLIENTS = [f"many-{number:02d}" for number in range(1, 9)]
# The image of the stand-in is of the host's own release: what it runs with can be taken out of it.
TAKE_OUT = """
set -e
container=$(docker create IMAGE)
mkdir /opt/standin
docker cp --quiet $container:/opt/mai_standin /opt/standin/
docker cp --quiet $container:/usr/lib/python3/dist-packages /opt/standin/packages
docker rm $container
"""
LOOK = """
import hashlib, json, sqlite3, sys
found = {}
for slug in sys.argv[1:]:
    folder = "/opt/mai/deployments/client-" + slug
    with sqlite3.connect("file:" + folder + "/data/webui.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT id, openrouter_api_key, is_active FROM client_organizations").fetchall()
        admins = database.execute("SELECT count(*) FROM user WHERE role = 'admin'").fetchone()[0]
    found[slug] = {"rows": [[i, hashlib.sha256(k.encode()).hexdigest(), a] for i, k, a in rows], "admins": admins}
print(json.dumps(found))
"""
STARTED = "systemctl show --property Id,ActiveState,MainPID,NRestarts 'mai-many*.service'"


@pytest.fixture(scope="module")
def fleet(new_fleet: Callable[..., Fleet], ready_hosts: tuple[Host, Host], standin_image: Image) -> Iterator[Fleet]:
    host = ready_hosts[0]
    host.exec("sh", "-c", TAKE_OUT.replace("IMAGE", standin_image.name))
    fleet = new_fleet(
        mai_deployment="native",
        mai_start_command="env PYTHONPATH=/opt/standin/packages python3 /opt/standin/mai_standin",
        mai_bind_address="127.0.0.1",
        mai_monthly_limit=5,
    )
    for slug in CLIENTS:
        fleet.put(slug, host, mai_client_name=slug.upper(), mai_admin_email="a@many.example")
    yield fleet
    # The other tests of the session need the machine's memory.
    host.exec("sh", "-c", "systemctl stop 'mai-many*.service'")


@pytest.fixture(scope="module")
def onboarded(fleet: Fleet) -> Result:
    return fleet.run("mai_clients", seconds=1500)


def test_each_of_them_has_its_own_key_row_and_administrator(fleet: Fleet, onboarded: Result) -> None:
    assert onboarded.total("failed") == onboarded.total("unreachable") == 0
    assert set(onboarded.stats) == set(CLIENTS)
    keys = fleet.control.keys_named("client-many-")
    assert sorted(key["name"] for key in keys) == [f"client-{slug}" for slug in CLIENTS]
    assert not any(key["disabled"] for key in keys)
    hashes = {key["name"]: key["hash"] for key in keys}
    found = json.loads(fleet.host(CLIENTS[0]).exec("python3", "-c", LOOK, *CLIENTS).stdout)
    assert found == {slug: {"rows": [[f"{slug}-001", hashes[f"client-{slug}"], 1]], "admins": 1} for slug in CLIENTS}
    units = fleet.sh(CLIENTS[0], STARTED)
    assert units.count("ActiveState=active") == len(CLIENTS)
    assert units.count("NRestarts=0") == len(CLIENTS)


def test_the_second_run_changes_none_of_them(fleet: Fleet, onboarded: Result) -> None:
    before = fleet.sh(CLIENTS[0], STARTED)
    again = fleet.run("mai_clients")
    assert again.total("changed") == again.total("failed") == again.total("unreachable") == 0
    assert fleet.writes == []
    # A listing of the keys serves all clients, for a minute.
    listings = [call for call in fleet.control.journal() if call["path"].endswith("/keys")]
    assert 1 <= len(listings) <= 1 + again.seconds / 60, listings
    assert fleet.sh(CLIENTS[0], STARTED) == before
    heading = f"Onboarding of {len(CLIENTS)} clients on one machine over SSH (native, stand-in)"
    figures = Table("onboarding-many", heading, ("run", "tasks ok:", "seconds:"))
    for name, run in {"first": onboarded, "converged": again}.items():
        figures.add(name, run.total("ok"), f"{run.seconds:.1f}")
