# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of others: not root, by number or by name, no shell, no curl, no accounts, a health path of their own.

One client is reached by IPv6 alone.
"""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host

UPGRADE = "playbooks/upgrade_client.yml"
# Made on the machine from the stand-in's image. Without a shell nothing can be run in it but Python.
MAKE = """
set -e
cat > /tmp/plain.py
change='echo "keeper:x:1234:1234::/:/none" >> /etc/passwd; rm -f /usr/bin/curl /usr/bin/*sh'
container=$(docker create "$1" sh -c "$change")
docker cp --quiet /tmp/plain.py "$container:/opt/plain.py"
docker start --attach $container
docker commit --change 'USER keeper' --change 'CMD ["python3", "/opt/mai_standin"]' $container others:named
docker commit --change 'CMD ["python3", "/opt/plain.py"]' $container others:plain
docker rm $container
container=$(docker create "$1")
docker commit --change 'USER 1000:1000' $container others:numbered
docker commit --change 'USER 1001' --change 'ENV STANDIN_FAIL=start' $container others:broken
docker commit --change 'USER nobody-knows' $container others:unknown
docker rm $container
"""
PLAIN = """
import http.server, sqlite3
sqlite3.connect("data/webui.db").execute("CREATE TABLE IF NOT EXISTS things (name)")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.path == "/up"
        self.send_response(200 if ok else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"status": true}' if ok else b"{}")
    do_POST = do_GET
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""
CLIENTS: dict[str, dict[str, t.Any]] = {
    "numbered": {"mai_image": "others:numbered"},
    "named": {"mai_image": "others:named"},
    # Without accounts nobody is waited for before it is opened, nor made its administrator
    "unattended": {
        "mai_image": "others:plain",
        "mai_health_path": "/up",
        "mai_database_create_table": True,
        "mai_admin_email": "",
    },
    "rooted": {"mai_port": 8714, "mai_bind_address": "::"},
}
OWNERS = {"numbered": {"1000"}, "named": {"1234"}, "unattended": {"0"}, "rooted": {"0"}}


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host], standin_image: Image) -> Fleet:
    host = ready_hosts[1]
    host.exec("sh", "-c", MAKE, "sh", standin_image.name, data=PLAIN)
    fleet = new_fleet(mai_admin_email="boss@example.com", mai_health_timeout=20)
    for number, (slug, variables) in enumerate(CLIENTS.items()):
        fleet.put(slug, host, **{"mai_port": 8711 + number, **variables})
    return fleet


def owners(fleet: Fleet, slug: str) -> set[str]:
    """Of everything in its data."""
    return set(fleet.sh(slug, f"find {fleet.directory(slug)}/data -printf '%U\\n'").split())


def health(fleet: Fleet, slug: str) -> str:
    state = fleet.container(slug)["State"]
    return state["Health"]["Status"] if state["Running"] else state["Status"]


def test_images_of_others_are_onboarded_and_then_nothing_differs(fleet: Fleet) -> None:
    fleet.run(",".join(CLIENTS))
    assert {slug: owners(fleet, slug) for slug in CLIENTS} == OWNERS
    started = {slug: fleet.started(slug) for slug in CLIENTS}
    for slug in sorted({*CLIENTS} - {"rooted"}):
        with fleet.api(slug) as api:  # from outside, so it is open to people
            assert api.get(CLIENTS[slug].get("mai_health_path", "/health")).json() == {"status": True}
    # Docker binds :: on IPv6 alone
    assert fleet.sh("rooted", "curl --silent --globoff http://[::1]:8714/health") == '{"status":true}'
    assert fleet.run(",".join(CLIENTS)).total("changed") == 0
    assert fleet.writes == []
    assert {slug: fleet.started(slug) for slug in CLIENTS} == started
    # The first checks come within seconds, and none of them needs a shell or curl
    assert {slug: health(fleet, slug) for slug in CLIENTS} == dict.fromkeys(CLIENTS, "healthy")


def test_data_that_was_put_back_by_root_is_the_instances_again(fleet: Fleet) -> None:
    fleet.sh("numbered", f"docker rm --force mai-numbered && chown -R 0:0 {fleet.directory('numbered')}/data")
    fleet.run("numbered")
    assert owners(fleet, "numbered") == OWNERS["numbered"]


def test_a_suspended_client_whose_image_was_pruned_gets_it_back(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    fleet.run("named", playbook="playbooks/suspend_client.yml")
    before, host = fleet.container("named")["Image"], fleet.host("named")
    fleet.sh("named", "docker rm --force mai-named; docker save --output /opt/kept.tar others:named")
    fleet.sh("named", "docker image rm others:named")
    host.engine.docker("cp", f"{host.container}:/opt/kept.tar", str(tmp_path / "kept.tar"))
    fleet.change("named", mai_image_archive=str(tmp_path / "kept.tar"))
    fleet.run("named", playbook="playbooks/resume_client.yml")
    assert fleet.container("named")["Image"] == before
    assert owners(fleet, "named") == OWNERS["named"]
    with fleet.session("named") as api:
        assert api.get("/api/models").json()["data"]
    assert fleet.run("named").total("changed") == 0


def test_a_user_whom_nobody_knows_is_told_before_the_key(fleet: Fleet) -> None:
    fleet.put("unknown", fleet.host("numbered"), mai_port=8720, mai_image="others:unknown")
    refused = fleet.run("unknown", check=False)
    assert "others:unknown runs as the user nobody-knows, whom its /etc/passwd does not know" in refused.said
    assert fleet.writes == []
    # The operator's word counts for the container, so it counts for its data
    fleet.change("unknown", mai_compose_extra={"service": {"user": "1100:1100"}})
    fleet.run("unknown")
    assert owners(fleet, "unknown") == {"1100"}
    assert fleet.run("unknown").total("changed") == 0


def test_an_upgrade_takes_the_data_along_to_another_user_and_back(fleet: Fleet) -> None:
    fleet.run("rooted", "-e", "new_image=others:numbered", playbook=UPGRADE)
    assert owners(fleet, "rooted") == {"1000"}
    # What runs before listens where it did, whatever the inventory says by now
    fleet.change("rooted", mai_port=8799, mai_health_path="/elsewhere")
    failed = fleet.run("rooted", "-e", "new_image=others:broken", playbook=UPGRADE, check=False)
    assert failed.rc == 2
    assert "it runs on with its old image" in failed.said
    assert owners(fleet, "rooted") == {"1000"}
    assert fleet.sh("rooted", "curl --silent --globoff http://[::1]:8714/health") == '{"status":true}'
    fleet.change("rooted", mai_port=CLIENTS["rooted"]["mai_port"], mai_health_path="/health")
    assert fleet.run("rooted").total("changed") == 0


def test_a_first_start_that_failed_twice_is_not_said_to_run_on(fleet: Fleet) -> None:
    fleet.put("broken", fleet.host("numbered"), mai_port=8721, mai_image="others:broken", mai_health_timeout=5)
    for _run in range(2):
        failed = fleet.run("broken", check=False)
        assert "The instance of broken did not come up" in failed.said
        assert "Correct the cause and run again." in failed.said
        assert "The previous version runs on" not in failed.said
