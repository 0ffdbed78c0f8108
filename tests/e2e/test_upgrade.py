# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another image for clients over SSH, and back with the database. (The real Open WebUI: tests/openwebui.)

The tests build on one another, in this order: riser goes from image to image, spare follows it.
"""

from __future__ import annotations

import pathlib
import signal
import typing as t

import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.e2e.operations import record_operation, untouched
from tests.e2e.test_interrupted import cut_off, hold_at_task
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.probe import Probe
from tests.openrouter_simulator import Simulator

ADMIN = "boss@example.com"
SOMEBODY = "somebody@example.com"
UPGRADE = "playbooks/upgrade_client.yml"
SLUGS = ("riser", "spare")

# Images made on the machine from the stand-in's: what is different in them.
VARIANTS = {
    "mai:2": ["--change", "LABEL release=2"],
    "mai:3": ["--change", "LABEL release=3"],
    "mai:slow": ["--change", "ENV STANDIN_STARTUP_DELAY=6"],
    "mai:broken": ["--change", "ENV STANDIN_FAIL=start"],
    "mai:forgets": ["--change", 'CMD ["python3", "/opt/forget.py"]'],
    "mai:half": ["--change", "ENV PYTHONPATH=/opt/half"],
}
FORGET = """
import os, sqlite3
with sqlite3.connect("/app/backend/data/webui.db") as database:
    database.execute('DELETE FROM "user"')
os.execvp("python3", ["python3", "/opt/mai_standin"])
"""
MAKE = """
set -e
container=$(docker create "$1" true)
mkdir -p /tmp/half/open_webui/migrations/versions
touch /tmp/half/open_webui/__init__.py
printf 'revision: str = "one"\\ndown_revision = None\\n' > /tmp/half/open_webui/migrations/versions/one.py
printf 'revision = "two"\\ndown_revision = ("one",)\\n' > /tmp/half/open_webui/migrations/versions/two.py
docker cp --quiet /tmp/half "$container:/opt/half"
cat > /tmp/forget.py
docker cp --quiet /tmp/forget.py "$container:/opt/forget.py"
docker commit "$container" mai:base > /dev/null
docker rm "$container" > /dev/null
"""


ACTIVE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("UPDATE user SET last_active_at = strftime('%s')")
"""


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host], standin_image: Image) -> Fleet:
    host = ready_hosts[1]
    host.exec("sh", "-c", MAKE, "sh", standin_image.name, data=FORGET)
    for name, changes in VARIANTS.items():
        container = host.exec("docker", "create", "mai:base", "python3", "/opt/mai_standin").stdout.strip()
        host.exec("docker", "commit", *changes, container, name)
        host.exec("docker", "rm", container)
    fleet = new_fleet(mai_admin_email=ADMIN, mai_health_timeout=20)
    for slug in SLUGS:
        fleet.put(slug, host, mai_monthly_limit=50)
    fleet.run(",".join(SLUGS))
    with fleet.session("riser") as api:
        somebody = {"name": "Somebody", "email": SOMEBODY, "password": "a-password", "role": "user"}
        api.post("/api/v1/auths/add", json=somebody).raise_for_status()
    return fleet


@pytest.fixture(autouse=True)
def no_faults(simulator: Simulator) -> t.Iterator[None]:
    yield
    simulator.control.clear_faults()


def upgrade(fleet: Fleet, clients: str, *arguments: str, check: bool = True) -> Result:
    return fleet.run(clients, *arguments, playbook=UPGRADE, check=check)


def image(fleet: Fleet, slug: str) -> str:
    """The names of the image that the client's container was made from."""
    return (
        fleet.host(slug)
        .exec("docker", "image", "inspect", fleet.container(slug)["Image"], "--format", "{{.RepoTags}}")
        .stdout
    )


def recorded(fleet: Fleet, slug: str) -> str:
    return (fleet.folder / "host_vars" / f"{slug}.yml").read_text()


def users(fleet: Fleet, slug: str) -> list[str]:
    return [row["email"] for row in fleet.table(slug, "user")]


def test_checked_first_then_upgraded_with_people_chatting(fleet: Fleet) -> None:
    new = ("-e", "new_image=mai:2")
    with untouched(fleet, SLUGS):
        checked = upgrade(fleet, "riser", *new, "--check", "--diff")
        assert "would be upgraded from mai-standin:test to mai:2" in checked.said and checked.total("changed") > 0
        missing = upgrade(fleet, "riser", "-e", "new_image=mai:9", check=False)
        assert missing.rc == 2 and "the image mai:9 is not on the machine" in missing.said
    assert "mai:9" not in recorded(fleet, "riser")

    before = fleet.organization("riser")
    with fleet.session("riser") as api, Probe(api) as probe:
        first = upgrade(fleet, "riser", *new)
    assert "(riser) was upgraded from mai-standin:test to mai:2" in first.said
    assert "mai:2" in image(fleet, "riser") and "mai_image: mai:2" in recorded(fleet, "riser")
    assert fleet.writes == [] and fleet.organization("riser")["openrouter_api_key"] == before["openrouter_api_key"]
    assert users(fleet, "riser") == [ADMIN, SOMEBODY] and "mai:2" in fleet.handover("riser")
    assert probe.answers > 10
    fleet.change("riser", mai_image="mai:2")
    with untouched(fleet, SLUGS):
        again = upgrade(fleet, "riser")
        assert fleet.run("riser").total("changed") == 0
    assert again.total("changed") == 0, again.output
    record_operation("upgrade_client", first=first, again=again, gap=probe.longest_gap)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("mai:broken", "exit code 1"),
        ("mai:forgets", "the table user had 2 rows and has 1"),
        ("mai:half", "the image at two"),
    ],
)
def test_back_to_the_old_image_with_the_old_database(fleet: Fleet, name: str, cause: str) -> None:
    with fleet.session("riser") as api, Probe(api) as probe:
        failed = upgrade(fleet, "riser", "-e", f"new_image={name}", check=False)
        with fleet.api("riser") as anonymous:
            assert anonymous.get("/health").json() == {"status": True}
    assert failed.rc == 2 and cause in failed.said and "it runs on with its old image" in failed.said
    assert "mai:2" in image(fleet, "riser") and "mai_image: mai:2" in recorded(fleet, "riser")
    assert users(fleet, "riser") == [ADMIN, SOMEBODY] and fleet.writes == []
    if name == "mai:broken":
        with untouched(fleet, SLUGS):
            assert fleet.run("riser").total("changed") == 0
    record_operation(f"upgrade_client, back from {name}", first=failed, gap=probe.longest_gap)


def test_a_killed_upgrade_is_finished_by_the_next(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    fleet.change("riser", mai_image="mai:slow")
    held = hold_at_task(fleet, "riser", "Wait until the instance is up", tmp_path, playbook=UPGRADE)
    held.run.signal_all(signal.SIGKILL)
    held.run.wait(60)
    refused = fleet.run("riser", check=False)
    assert refused.rc == 2 and "upgrade_client.yml -e client=riser" in refused.said
    before = fleet.started("riser")
    finished = upgrade(fleet, "riser", "-e", "take_lock=true")
    assert "upgraded to mai:slow, which ends an interrupted run" in finished.said and fleet.started("riser") == before
    assert users(fleet, "riser") == [ADMIN, SOMEBODY]
    assert fleet.run("riser").total("changed") == 0


def test_neither_openrouter_nor_an_unreachable_machine(fleet: Fleet) -> None:
    fleet.change("riser", mai_image="mai:3")
    with cut_off(fleet.host("riser")):
        assert upgrade(fleet, "riser", check=False).rc == 4
    fleet.control.fault(kind="status", status=500, times=None)
    upgraded = upgrade(fleet, "riser")
    assert "mai:3" in image(fleet, "riser") and "OpenRouter did not answer" in upgraded.said


def test_somebody_who_is_active_is_waited_for(fleet: Fleet) -> None:
    fleet.change("riser", mai_image="mai:2")
    # The stand-in notes it once, when somebody signs up; on a slow machine that is more than five minutes ago
    database = f"{fleet.directory('riser')}/data/webui.db"
    fleet.host("riser").exec("python3", "-c", ACTIVE, database)
    with untouched(fleet, SLUGS):
        busy = upgrade(fleet, "riser", "-e", "when_idle=true", "-e", "idle_minutes=0", check=False)
        assert busy.rc == 2 and "people active in the last five minutes: " in busy.said


def test_one_client_first_and_the_others_only_after_it(fleet: Fleet) -> None:
    fleet.change("riser", mai_image="mai:2")
    fleet.change("spare", mai_image="mai:2")
    alone = upgrade(fleet, "all", "-e", "canary=spare")
    assert "Left alone for now: riser" in alone.said
    assert "mai:2" in image(fleet, "spare") and "mai:3" in image(fleet, "riser")
    both = upgrade(fleet, "all", "-e", "canary=spare", "-e", "continue=true")
    assert "mai:2" in image(fleet, "riser") and both.total("changed") > 0

    for slug in SLUGS:
        fleet.change(slug, mai_image="mai:broken")
    stopped = upgrade(fleet, "all", "-e", "continue=true", check=False)
    assert stopped.rc == 2 and "spare was not upgraded" not in stopped.said
    assert all("mai:2" in image(fleet, slug) for slug in SLUGS)


def test_without_a_container_the_data_goes_on_with_its_image(fleet: Fleet) -> None:
    """Of both clients the inventory names another image by now, which would not even start."""
    down = f"cd {fleet.directory('spare')} && docker compose down"
    fleet.sh("spare", down)
    again = fleet.run("spare")
    assert "mai:2" in image(fleet, "spare") and users(fleet, "spare") == [ADMIN]
    assert "image differs from the inventory: run upgrade_client.yml" in again.said
    # A name can leave its image, too
    fleet.change("spare", mai_image="mai:2")
    fleet.sh("spare", f"{down}; docker tag mai:broken mai:2")
    moved = fleet.run("spare")
    assert "image differs from the inventory: run upgrade_client.yml" in moved.said
    assert "mai:broken" not in image(fleet, "spare") and users(fleet, "spare") == [ADMIN]


def test_what_compose_does_not_accept_is_told_before_anything_is_touched(fleet: Fleet) -> None:
    started, files = fleet.started("spare"), fleet.file("spare", "compose.yml")
    lan = {"networks": {"lan": {"external": True}}, "service": {"networks": ["lan"]}}
    for wrong, about in (({"service": {"netwroks": ["x"]}}, "netwroks"), (lan, "network lan not found")):
        fleet.change("spare", mai_compose_extra=wrong)
        refused = fleet.run("spare", check=False)
        assert refused.rc == 2
        assert "Compose does not accept its file with what mai_compose_extra adds" in refused.said
        assert about in refused.said
    assert (fleet.started("spare"), fleet.file("spare", "compose.yml")) == (started, files)
    fleet.change("spare", mai_compose_extra={})


OVERRIDE = """
services:
  mai-spare:
    extra_hosts: ["ollama.internal:10.0.0.9"]
"""


def test_what_an_operator_adds_is_kept(fleet: Fleet) -> None:
    beside = {"image": "mai:base", "command": ["sleep", "1000"], "stop_grace_period": "0s"}
    extra = {"service": {"labels": {"note": "a$b {{ c }}"}}, "services": {"beside": beside}}
    fleet.change("spare", mai_compose_extra=extra)
    fleet.run("spare")
    assert fleet.container("spare")["Config"]["Labels"]["note"] == "a$b {{ c }}"
    assert fleet.run("spare").total("changed") == 0
    fleet.host("spare").exec("sh", "-c", f"cat > {fleet.directory('spare')}/compose.override.yml", data=OVERRIDE)
    rehearsal = fleet.run("spare", "--check")
    assert "Would re-create the instance" in rehearsal.said
    noted = fleet.run("spare")
    assert "compose.override.yml adds to what the inventory says: it is used" in noted.said
    assert fleet.container("spare")["HostConfig"]["ExtraHosts"] == ["ollama.internal:10.0.0.9"]
    assert fleet.run("spare").total("changed") == 0
    fleet.change("spare", mai_compose_extra={})
    fleet.run("spare")
    state = fleet.sh("spare", "docker inspect --format '{{.State.Running}}' client-spare-beside-1")
    assert state.strip() == "true", "what is beside is left alone"
    fleet.sh("spare", "docker rm --force client-spare-beside-1")
