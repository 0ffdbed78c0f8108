# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an onboarding does to the machine: what is missing is added, what is there is left alone."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result

PACKAGES = "dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Abbrev}\\n'"
ENGINE = "systemctl show --property MainPID,ExecMainStartTimestampMonotonic docker.service"


def _packages(host: Host) -> set[str]:
    return set(host.exec("sh", "-c", PACKAGES).stdout.splitlines())


# Of anybody's: without accounts, and without Docker
NATIVE = """
import http.server, os, sqlite3
sqlite3.connect(os.environ["DATA_DIR"] + "/webui.db").execute("CREATE TABLE IF NOT EXISTS things (name)")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/up" else 404)
        self.end_headers()
    do_POST = do_GET
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
"""
WITHOUT_DOCKER = {
    "mai_deployment": "native",
    "mai_start_command": "python3 /opt/native.py",
    "mai_health_path": "/up",
    "mai_database_create_table": True,
}
TOGETHER = ("bare-0-refused", "bare-1-native", "bare-clone", "bare-one", "bare-two")


@pytest.fixture(scope="module")
def bare(boot: Callable[..., Host], new_fleet: Callable[..., Fleet], standin_image: Image) -> Fleet:
    """Clients on a machine that has nothing but what a server has, and one on a clone of it."""
    fleet, host = new_fleet(mai_image_archive=str(standin_image.archive)), boot("mai-test-host-bare:trixie")
    clone = boot("mai-test-host-bare:trixie")
    clone.exec("tee", "/etc/machine-id", data=host.exec("cat", "/etc/machine-id").stdout)
    host.exec("tee", "/opt/native.py", data=NATIVE)
    for number, slug in enumerate((*TOGETHER, "bare-later")):
        machine = clone if slug == "bare-clone" else host
        fleet.put(slug, machine, mai_client_name=slug, mai_port=8301 + number, mai_admin_email="a@bare.example")
    fleet.change("bare-0-refused", mai_image_archive="/nowhere/image.tar")
    fleet.change("bare-1-native", **WITHOUT_DOCKER)
    return fleet


def test_without_leave_to_install_docker_nothing_is_touched(bare: Fleet) -> None:
    before = _packages(bare.host("bare-one"))
    refused = bare.run("bare-one", "-e", "mai_docker_packages=none", check=False)
    assert refused.rc == 2
    said = " ".join(refused.output.split())
    assert "bare-one was not touched" in said
    assert "Docker with Compose v2 is missing and mai_docker_packages is none: install it" in said
    assert bare.writes == []
    assert _packages(bare.host("bare-one")) == before
    assert bare.sh("bare-one", f"ls {bare.directory('bare-one')}", check=False) == ""


def test_check_mode_on_a_bare_machine_says_what_would_be_done(bare: Fleet) -> None:
    before = _packages(bare.host("bare-one"))
    rehearsal = bare.run("bare-one,bare-two", "--check", "--diff")
    # It is done once, and each of the two clients that live there waits for it.
    assert rehearsal.stdout.count("Would install docker.io, docker-cli, docker-compose.") == 2
    assert rehearsal.stdout.count("Would create the instance.") == 2
    assert "Would load " in rehearsal.said
    assert bare.writes == []
    assert _packages(bare.host("bare-one")) == before
    assert bare.sh("bare-one", "command -v docker; ls /opt/mai/deployments/client-*", check=False) == ""


@pytest.fixture(scope="module")
def installed(bare: Fleet) -> Result:
    return bare.run(",".join(TOGETHER), check=False)


def test_each_machine_is_prepared_by_the_first_that_needs_it(bare: Fleet, installed: Result) -> None:
    """Not by one that is refused, nor by one without Docker, and a machine with the same identifier is another one."""
    assert {slug: installed.stats[slug]["failed"] for slug in TOGETHER} == {
        slug: int(slug == "bare-0-refused") for slug in TOGETHER
    }, installed.output
    assert "mai_image_archive is /nowhere/image.tar, which is not on the controller" in installed.said
    assert bare.control.keys_named("client-bare-0-refused") == []
    assert httpx.get(f"http://{bare.host('bare-1-native').address()}:8302/up", trust_env=False).status_code == 200


def test_docker_and_the_image_arrive_once_on_a_bare_machine(bare: Fleet, installed: Result) -> None:
    for slug in ("bare-one", "bare-two", "bare-clone"):
        with bare.api(slug) as api:
            assert api.get("/health").json() == {"status": True}
        assert bare.organization(slug)["id"] == f"{slug}-001"
    for task in ("Install the packages", "Load the image"):
        [part] = [part for part in installed.stdout.split("\nTASK ") if f": {task}]" in part]
        assert part.count("changed: [") == 2, part  # there are two
    assert bare.sh("bare-one", "ls -A /opt/mai/deployments/client-*/.image", check=False) == ""
    # Thousands of clients find room, not thirty
    ranges = "docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}'"
    subnets = bare.sh("bare-one", f"{ranges} client-bare-one_default client-bare-two_default").split()
    assert [subnet.split("/")[1] for subnet in subnets] == ["24", "24"]


def test_a_second_client_finds_everything_there(bare: Fleet, installed: Result) -> None:
    engine, packages = bare.sh("bare-one", ENGINE), _packages(bare.host("bare-one"))
    before = {slug: bare.started(slug) for slug in ("bare-one", "bare-two")}
    later = bare.run("bare-later")
    assert "Install the packages" not in later.stdout
    assert "Load the image" not in later.stdout
    assert (bare.sh("bare-one", ENGINE), _packages(bare.host("bare-one"))) == (engine, packages)
    assert {slug: bare.started(slug) for slug in before} == before
    assert bare.organization("bare-later")["is_active"] == 1


def test_an_engine_that_is_there_is_left_alone_and_only_compose_is_added(
    boot: Callable[..., Host], new_fleet: Callable[..., Fleet], standin_image: Image
) -> None:
    fleet, host = new_fleet(mai_image_archive=str(standin_image.archive)), boot()
    fleet.put("composed", host, mai_client_name="Composed", mai_port=8301, mai_admin_email="a@composed.example")
    everything = _packages(host)
    host.exec("dpkg", "--remove", "docker-compose")
    host.exec("sh", "-c", "rm -rf /var/lib/apt/lists/*")  # as in an image that was made a moment ago
    host.load_image(standin_image.archive)
    host.exec("docker", "run", "--detach", "--name", "somebodys", standin_image.name)
    look = "docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' somebodys"
    engine, somebodys = host.exec("sh", "-c", ENGINE).stdout, host.exec("sh", "-c", look).stdout
    assert host.exec("docker", "compose", "version", check=False).returncode != 0
    rehearsal = fleet.run("composed", "--check")
    assert "Would install docker-compose." in rehearsal.said
    fleet.run("composed")
    assert _packages(host) == everything
    assert host.exec("sh", "-c", ENGINE).stdout == engine
    assert host.exec("sh", "-c", look).stdout == somebodys
    with fleet.api("composed") as api:
        assert api.get("/health").json() == {"status": True}
    assert fleet.run("composed").total("changed") == 0
    assert host.exec("sh", "-c", look).stdout == somebodys
    _assert_that_one_client_too_many_is_refused(fleet, host)
    host.down()


def _assert_that_one_client_too_many_is_refused(fleet: Fleet, host: Host) -> None:
    """Docker's ranges of addresses are all taken: who has a network goes on, who needs one is told before the key."""
    host.exec("sh", "-c", "i=0; while docker network create filler$i; do i=$((i+1)); done")
    fleet.put("crowded", host, mai_client_name="Crowded", mai_port=8302, mai_admin_email="a@crowded.example")
    crowded = fleet.run("crowded,composed", check=False)
    assert "Docker has no range of addresses left on the machine for one more network" in crowded.said
    assert (crowded.stats["crowded"]["failed"], crowded.stats["composed"]["failed"]) == (1, 0)
    assert fleet.writes == []
    host.exec("docker", "network", "rm", "filler0")
    fleet.put("queued", host, mai_client_name="Queued", mai_port=8303, mai_admin_email="a@queued.example")
    last = fleet.run("crowded,queued", check=False)
    assert "each client has one (crowded of this run took the last). Give it more" in last.said
    assert (last.stats["crowded"]["failed"], last.stats["queued"]["failed"]) == (0, 1)
    assert fleet.organization("crowded")["is_active"] == 1
    assert fleet.control.keys_named("client-queued") == []
