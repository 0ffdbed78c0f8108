# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that were made by hand, each in another way, are adopted: nothing that counts is another one after."""

from __future__ import annotations

import json
import re
import signal
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.e2e.shapes import INSIDE, Shape, shapes
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.figures import Table

ADOPT = "playbooks/adopt_client.yml"
ADOPTED = Table("adopted", "Clients made by hand, adopted", ("shape", "its key was called", "what it needed"))
SHAPES = shapes()
# One whose data are copied, so that there is something to take back
VICTIM = next(shape.number for shape in SHAPES if shape.data == "volume" and shape.tool == "v2" and shape.running)
ALL = ",".join(shape.slug for shape in SHAPES)
# Each kind of data, each tool, one that is stopped
SOME = ",".join(SHAPES[number].slug for number in (0, 1, 2, 3, 4))
BOSS = {"email": "boss@example.com", "password": "of the b0ss"}
READ_TABLES = """
import json, sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
database.row_factory = sqlite3.Row
print(json.dumps({name: [dict(row) for row in database.execute("SELECT * FROM " + name)] for name in sys.argv[2:]}))
"""
ROW = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'client_organizations'").fetchone():
    columns = "id, name, openrouter_api_key, markup_rate, monthly_limit, billing_email, is_active"
    columns += ", created_at, updated_at"
    values = "?, ?, ?, 1.5, 300, 'bills@example.com', 1, 5000, 5000"
    database.execute(f"INSERT OR IGNORE INTO client_organizations ({columns}) VALUES ({values})", sys.argv[2:])
    database.commit()
"""


REMOVE = """
docker ps --all --quiet --filter publish=20100-20120 | xargs -r docker rm --force --volumes
docker volume ls --quiet --filter name=hand | xargs -r docker volume rm
docker network prune --force
"""


class ByHand:
    """The clients, before and after."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.secrets: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def make(self, image: str) -> None:
        openrouter = self.fleet.openrouter
        headers = {"Authorization": f"Bearer {openrouter.provisioning_key}"}
        for shape in SHAPES:
            body = {"name": shape.key, "limit": 300, "limit_reset": "monthly"}
            made = httpx.post(f"{openrouter.url}/keys", json=body, headers=headers, trust_env=False).json()
            self.secrets[shape.slug] = made["key"]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda shape: self._make(shape, image), SHAPES))

    def _make(self, shape: Shape, image: str) -> None:
        script = shape.script(image, self.fleet.openrouter.url, self.secrets[shape.slug])
        self.exec(shape, "bash", "-c", script)
        self._live(shape)
        if not shape.running:
            self.exec(shape, "docker", "stop", shape.container)

    def exec(self, shape: Shape, *command: str, check: bool = True, data: str | None = None) -> str:
        """On its machine."""
        return self.fleet.host(shape.slug).exec(*command, check=check, data=data).stdout

    def api(self, shape: Shape, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://{self.fleet.host(shape.slug).address()}:{shape.port}"
        return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)

    def _live(self, shape: Shape) -> None:
        """People use it: one more user, a file, an organisation as the guide has it."""
        with self.api(shape) as api:
            _until(lambda: api.get("/health").is_success, 90)
            answer = api.post("/api/v1/auths/signin", json=BOSS).raise_for_status()
            self.tokens[shape.slug] = answer.json()["token"]
        with self.api(shape, self.tokens[shape.slug]) as api:
            person = {"name": "Jo O'Neil", "email": "jo@example.com", "password": "secret-1", "role": "user"}
            api.post("/api/v1/auths/add", json=person).raise_for_status()
        if shape.generation == "A":
            row = (shape.identifier, shape.name, self.secrets[shape.slug])
            command = ("docker", "exec", "-i", shape.container, "python3", "-", f"{INSIDE}/webui.db", *row)
            self.exec(shape, *command, data=ROW)

    def tables(self, shape: Shape, container: str) -> dict[str, t.Any]:
        """Of a running one, read within it: wherever its data are."""
        names = ["user", "auth", "config", *([] if shape.generation == "none" else ["client_organizations"])]
        read = ("docker", "exec", container, "python3", "-c", READ_TABLES, f"{INSIDE}/webui.db", *names)
        return {
            table: [{name: value for name, value in row.items() if name[-3:] != "_at"} for row in rows]
            for table, rows in json.loads(self.exec(shape, *read)).items()
        }

    def inspect(self, shape: Shape) -> dict[str, t.Any]:
        """Its container as it was made by hand."""
        return json.loads(self.exec(shape, "docker", "inspect", shape.container))[0]


@pytest.fixture(scope="module")
def by_hand(
    new_fleet: t.Callable[..., Fleet], ready_hosts: tuple[Host, Host], standin_image: Image
) -> t.Iterator[ByHand]:
    fleet = new_fleet(mai_bind_address="0.0.0.0")
    for shape in SHAPES:
        fleet.put(
            shape.slug,
            ready_hosts[shape.number // 2 % 2],
            mai_client_name=shape.name,
            mai_client_id=shape.identifier,
            mai_port=shape.port,
            mai_deployment_dir=shape.directory,
            mai_monthly_limit=300,
            mai_markup_rate=1.5,
            mai_billing_email="bills@example.com",
            # Plain Open WebUI has no such table
            mai_database_create_table=shape.generation == "none",
        )
    made = ByHand(fleet)
    made.make(standin_image.name)
    yield made
    for shape in SHAPES:
        made.exec(shape, "sh", "-c", f"rm -rf '{shape.directory}' /srv/disk/{shape.slug}")
    for host in ready_hosts:
        host.exec("sh", "-c", REMOVE, check=False)


@pytest.fixture(scope="module")
def before(by_hand: ByHand) -> dict[str, t.Any]:
    return {
        shape.slug: {
            "container": by_hand.inspect(shape),
            "tables": by_hand.tables(shape, shape.container) if shape.running else None,
            "key": [key for key in by_hand.fleet.control.all_keys() if key["name"] == shape.key],
        }
        for shape in SHAPES
    }


@pytest.fixture(scope="module")
def rehearsed(by_hand: ByHand, before: dict[str, t.Any]) -> Result:
    return _all_well(by_hand.fleet.run(SOME, "--check", "--diff", "--forks", "10", check=False, playbook=ADOPT))


@pytest.fixture(scope="module")
def adopted(by_hand: ByHand, rehearsed: Result) -> Result:
    # One of them was killed in the midst of it
    asked = ("-e", "restart=true", "--forks", "10", "-v")
    return _all_well(by_hand.fleet.run(ALL, *asked, check=False, playbook=ADOPT))


def _until(so: t.Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if so():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _all_well(result: Result) -> Result:
    """With as much of it as tells what is wrong."""
    assert result.rc == 0, re.findall(r"^fatal: .*(?:\n .*){1,12}", result.output, re.MULTILINE)
    return result


def test_a_rehearsal_tells_everything_and_touches_nothing(
    by_hand: ByHand, before: dict[str, t.Any], rehearsed: Result
) -> None:
    assert by_hand.fleet.writes == []
    for shape in SHAPES:
        now, was = by_hand.inspect(shape), before[shape.slug]["container"]
        assert (now["Id"], now["State"]["StartedAt"], now["State"]["Status"]) == (
            *(was["Id"], was["State"]["StartedAt"], was["State"]["Status"]),
        )
    some = [shape for shape in SHAPES if shape.slug in SOME.split(",")]
    assert rehearsed.said.count("Would rename its key ") == sum(s.key != f"client-{s.slug}" for s in some)
    assert rehearsed.said.count("which interrupts its people until") == sum(shape.running for shape in some)


def test_nobody_is_interrupted_who_was_not_asked(by_hand: ByHand, rehearsed: Result) -> None:
    refused = by_hand.fleet.run(SHAPES[0].slug, check=False, playbook=ADOPT)
    assert refused.rc == 2 and "run again with -e restart=true" in refused.said and by_hand.fleet.writes == []


def test_what_was_made_by_hand_is_found_with_entries_to_adopt_it(by_hand: ByHand, before: dict[str, t.Any]) -> None:
    fleet = by_hand.fleet
    machine = fleet.host(SHAPES[0].slug)
    shapes_there = [shape for shape in SHAPES if fleet.host(shape.slug) is machine]
    found = fleet.run("", "-e", f"host={machine.address()}", playbook=ADOPT)
    assert fleet.writes == [] and f"Made by hand on {machine.address()}: {len(shapes_there)}" in found.said
    for shape in shapes_there:
        assert f"mai_port: {shape.port}" in found.stdout
        # A key of a client's name is that client's
        assert (f"container {shape.container} has it" in found.stdout) == (shape.key != f"client-{shape.slug}")
        assert by_hand.secrets[shape.slug] not in found.output


def test_what_does_not_come_up_is_left_as_it_was(by_hand: ByHand, before: dict[str, t.Any], rehearsed: Result) -> None:
    fleet, shape = by_hand.fleet, SHAPES[VICTIM]
    look = (
        f"cd '{shape.directory}' && find . -path ./data -prune -o -printf '%p %m %u %s\n' | sort; docker volume ls -q"
    )
    there = by_hand.exec(shape, "sh", "-c", look)
    fleet.change(shape.slug, mai_extra_env={"STANDIN_FAIL": "start"})
    refused = fleet.run(shape.slug, "-e", "restart=true", check=False, playbook=ADOPT)
    assert refused.rc == 2 and "Its instance runs on as it was" in refused.said
    assert by_hand.exec(shape, "sh", "-c", look) == there
    now = by_hand.inspect(shape)
    assert now["Id"] == before[shape.slug]["container"]["Id"] and now["State"]["Running"]
    assert now["HostConfig"]["RestartPolicy"] == before[shape.slug]["container"]["HostConfig"]["RestartPolicy"]
    with by_hand.api(shape, by_hand.tokens[shape.slug]) as api:
        _until(lambda: api.get("/api/v1/auths/").raise_for_status().json()["email"] == BOSS["email"])
    fleet.change(shape.slug, mai_extra_env={})


def test_a_run_that_is_killed_is_finished_by_the_next_and_by_no_other(by_hand: ByHand, rehearsed: Result) -> None:
    fleet, shape = by_hand.fleet, SHAPES[VICTIM]
    run = fleet.start(shape.slug, "-e", "restart=true", playbook=ADOPT)
    note = f"grep -q '\"taken\": true' '{shape.directory}/.adopting' && printf taken"
    _until(lambda: by_hand.exec(shape, "sh", "-c", note, check=False) == "taken")
    run.signal(signal.SIGKILL)
    run.wait(60)
    refused = fleet.run(shape.slug, check=False)
    assert refused.rc == 2 and "its adoption was interrupted and has to be finished first" in refused.said
    assert by_hand.exec(shape, "sh", "-c", note, check=False) == "taken"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.data}-{s.tool}-{'up' if s.running else 'down'}")
def test_nothing_that_counts_is_another_one(
    by_hand: ByHand, before: dict[str, t.Any], adopted: Result, shape: Shape
) -> None:
    fleet, was = by_hand.fleet, before[shape.slug]
    # The key: the same one, by the client's name
    key = fleet.key(shape.slug)
    assert [key["hash"]] == [one["hash"] for one in was["key"]] and key["limit"] == 300
    # Its sessions and its people
    with by_hand.api(shape, by_hand.tokens[shape.slug]) as api:
        assert api.get("/api/v1/auths/").raise_for_status().json()["email"] == BOSS["email"]
        assert api.get("/api/models?refresh=true").raise_for_status().json()["data"]
    now = by_hand.tables(shape, fleet.service(shape.slug))
    if was["tables"]:
        for table in ("user", "auth"):
            assert now[table] == was["tables"][table]
    assert {user["email"] for user in now["user"]} == {"boss@example.com", "jo@example.com"}
    if shape.generation != "none":
        [row] = now["client_organizations"]
        assert (row["id"], row["openrouter_api_key"]) == (shape.identifier, by_hand.secrets[shape.slug])
    environment = fleet.environment(shape.slug)
    assert environment["HOSTILE"] == shape.environment("", "")["HOSTILE"]
    # One container, from the very same image
    assert fleet.container(shape.slug)["Image"] == was["container"]["Image"]
    names = by_hand.exec(shape, "docker", "ps", "--all", "--format", "{{.Names}}").split()
    assert not [name for name in names if name.endswith("-before-adoption")]
    made = f"{shape.tool}, data in {shape.data}, {'running' if shape.running else 'stopped'}, {shape.generation}"
    ADOPTED.add(f"{shape.number:02d}: {made}", shape.key, "; ".join(needed(shape, was, fleet.container(shape.slug))))


def needed(shape: Shape, was: dict[str, t.Any], container: dict[str, t.Any]) -> t.Iterator[str]:
    if shape.key != f"client-{shape.slug}":
        yield "its key renamed"
    before, now = (
        [mount["Source"] for mount in one["Mounts"] if mount["Destination"] == INSIDE]
        for one in (was["container"], container)
    )
    yield "its data left where they are" if before == now else "its data brought into its directory"
    yield "one restart" if shape.running else "its first start"


def test_a_second_run_changes_nothing(by_hand: ByHand, adopted: Result) -> None:
    started = {shape.slug: by_hand.fleet.started(shape.slug) for shape in SHAPES}
    again = by_hand.fleet.run(SHAPES[VICTIM].slug, playbook=ADOPT)
    assert (again.total("changed"), by_hand.fleet.writes) == (0, [])
    # Of all of them: what is left to do is told by the plan
    onboarded = by_hand.fleet.run(ALL, "--forks", "10")
    assert (onboarded.total("changed"), by_hand.fleet.writes) == (0, []), onboarded.output[-3000:]
    assert started == {shape.slug: by_hand.fleet.started(shape.slug) for shape in SHAPES}


def test_no_secret_is_told(by_hand: ByHand, rehearsed: Result, adopted: Result) -> None:
    told = rehearsed.output + adopted.output
    for shape in SHAPES:
        assert by_hand.secrets[shape.slug] not in told
    assert "by hand 0 $HOME" not in told and BOSS["password"] not in told
