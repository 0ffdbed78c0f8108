# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile instance reaches nobody else: what root in a client's container can plant, and every playbook over it.

evil and odd are clients, victim is their neighbour on the machine. The others, the crowd, are copies of evil's
directory with one attack in each: one run of a playbook looks at all of them. The tests build on one another, in this
order. (The same and more, module by module: tests/unit and tests/integration.)
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import typing as t

import pytest

from tests.e2e import hostile
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result, Run
from tests.openrouter_simulator import Simulator

VICTIM, EVIL, ODD = "victim", "evil", "odd"
ADMIN = "boss@victim.example"
DEPLOYMENTS = "/opt/mai/deployments"
VICTIMS = f"{DEPLOYMENTS}/client-{VICTIM}"
OF_A_RUN = r"/data(/webui\.db-(wal|shm))?$|/client-odd(/|$)|/\.locks"
KIT = pathlib.Path(hostile.__file__)
CATCHER = 8699

FOREIGN = "is not the instance's own file: it is "
PLANTED = "names another file to be deleted"
SHELL = "x' ; touch PWNED ; echo '"
TEMPLATE = "{{ lookup('pipe', 'touch PWNED') }}"
FORGED_CHECK = "http://e.example/v1\nok       sign-up closed  FORGED"
TYPED_BY_MISTAKE = (
    "sk-or-v1-" + "f00dfeed" * 8,
    "https://e.example/v1?key=AIzaMISTAKE1",
    "https://user:p@MISTAKE2@e.example/v1",
    "https://u:pa/MISTAKE3@e.example/v1",
    "//u:MISTAKE4@e.example",
    "u:MISTAKE5@e.example",
)
MISTAKES = ("f00dfeed", *(f"MISTAKE{number}" for number in range(1, 6)))


@dataclasses.dataclass(frozen=True)
class Attack:
    """What is planted in the data folder, how the instance answers, and what the list has to say of it."""

    orders: tuple[tuple[t.Any, ...], ...] = ()
    ways: tuple[str, ...] = ()
    fault: str = ""
    state: str = ""
    asked: bool = False
    """client_info and diagnose_client look at it, too."""


FILES = {
    "link-relative": Attack((("link", f"../../client-{VICTIM}/data/webui.db"),), fault=FOREIGN),
    "link-hard": Attack(fault=FOREIGN),
    "link-shadow": Attack((("link", "/etc/shadow"),), fault=FOREIGN, asked=True),
    "journal-record": Attack((("journal", f"{VICTIMS}/HANDOVER.md"),), fault=PLANTED, asked=True),
    "journal-key": Attack((("journal", "../api_key.env"),), fault=PLANTED),
    "pipe-journal": Attack((("pipe", "webui.db-journal"),), fault=FOREIGN, asked=True),
    "pipe-database": Attack((("pipe", "webui.db"),), fault=FOREIGN),
    "device": Attack((("device", "webui.db"),), fault=FOREIGN),
}
SCHEMAS = {
    "view-organizations": Attack((("view", "client_organizations"),), fault="is no table but a view", asked=True),
    "view-disguised": Attack((("view", "client_organizations", True),), fault="it is damaged"),
    "tree": Attack((("tree", "chat"),), fault="does not come to an end"),
}
VALUES = {
    "values-text": Attack((("odd", "abc", 7, 5),), asked=True),
    "values-null": Attack((("odd", None, None, None),)),
}
TEXTS = {
    "text-shell": Attack(
        (("organization", SHELL), ("connections", f"http://e.example/{SHELL}", {"own_key": True})), asked=True
    ),
    "text-template": Attack(
        (("organization", TEMPLATE), ("connections", TEMPLATE, FORGED_CHECK, {"own_key": True})), asked=True
    ),
    "text-mistakes": Attack((("connections", *TYPED_BY_MISTAKE),), asked=True),
}
ANSWERS = {
    "answer-drip": Attack(ways=("drip",), state="unhealthy", asked=True),
    "answer-drip-header": Attack(ways=("drip-header",), state="up"),
    # What claims to be JSON and cannot be read is no yes
    "answer-endless": Attack(ways=("endless",), state="unhealthy"),
    "answer-deep": Attack(ways=("deep",), state="unhealthy"),
    "answer-continued": Attack(ways=("continued",), state="unhealthy"),
    "answer-typed": Attack(ways=("typed",), state="up"),
    "answer-surrogate": Attack(ways=("surrogate",), state="up"),
    "answer-line": Attack(ways=("line",), state="up", asked=True),
    "answer-name": Attack(ways=("name",), state="up", asked=True),
    "answer-redirect": Attack(ways=("redirect", str(CATCHER)), state="up", asked=True),
}
CROWD = {**FILES, **SCHEMAS, **VALUES, **TEXTS, **ANSWERS}

# On the machine. A copy of evil's directory for each of the crowd; it has no container of its own unless it answers.
MAKE_CROWD = """
set -e
cat > /tmp/hostile.py
cd /opt/mai/deployments
for slug; do
    cp --archive client-evil "client-$slug"
    echo "$slug" > "client-$slug/.mai-clients"
done
cp client-evil/data/webui.db client-evil/neighbour.db
ln -f client-evil/neighbour.db client-evil-link-hard/data/webui.db
"""
ANSWER = """
docker run --detach --name {name} --label mai.clients.client={slug} --publish 127.0.0.1:{port}:8080 \
    --volume /tmp/hostile.py:/hostile.py:ro mai-standin:test python3 -u /hostile.py serve {ways} > /dev/null
"""
LISTING = """
import hashlib, json, os, stat
found = {}
for place, folders, files in os.walk("/opt/mai"):
    for name in [*folders, *files]:
        path = os.path.join(place, name)
        one = os.lstat(path)
        found[path] = [one.st_ino, one.st_mode, one.st_uid, one.st_nlink, one.st_size, one.st_mtime_ns]
        if stat.S_ISREG(one.st_mode) and one.st_size < 2**22:
            with open(path, "rb") as file:
                found[path].append(hashlib.sha256(file.read()).hexdigest())
print(json.dumps(found))
"""
# What runs on the machine and in no container: nothing of ours does, unless a run left it behind.
PROGRAMS = """
for process in /proc/[0-9]*; do
    grep -q docker "$process/cgroup" 2>&- || { tr '\\0' ' ' < "$process/cmdline"; echo; } 2>&-
done | grep '[p]ython' || true
"""
VANDAL = """
import os
os.chdir("/app/backend/data")
if not os.path.islink("webui.db"):
    os.remove("webui.db")
    os.symlink("VICTIM/data/webui.db", "webui.db")
for name in ("webui.db-wal", "webui.db-shm", "webui.db-journal", "webui.db.partial"):
    os.makedirs(name + "/inner", exist_ok=True)
raise SystemExit(1)
"""
IMAGES = """
set -e
cat > /tmp/vandal.py
container=$(docker create mai-standin:test true)
docker cp --quiet /tmp/vandal.py "$container:/opt/vandal.py"
docker commit --change 'CMD ["python3", "/opt/vandal.py"]' "$container" mai:vandal > /dev/null
docker commit --change 'LABEL release=2' "$container" mai:other > /dev/null
docker rm "$container" > /dev/null
"""


def run(fleet: Fleet, name: str, clients: str, *arguments: str, check: bool = True, seconds: float = 120) -> Result:
    return fleet.run(clients, *arguments, playbook=f"playbooks/{name}.yml", check=check, seconds=seconds)


def in_container(fleet: Fleet, slug: str, orders: list[t.Any]) -> None:
    """As root in the client's own container."""
    command = ("docker", "exec", "-i", fleet.service(slug), "python3", "-", "plant", json.dumps(orders))
    fleet.host(slug).exec(*command, data=KIT.read_text())


def as_owner(fleet: Fleet, folders: t.Iterable[str], orders: list[t.Any]) -> None:
    """As root in a container that has nothing but these clients' data: /evil/…"""
    volumes = [f"--volume={fleet.directory(slug)}/data:/evil/{slug}" for slug in folders]
    command = ("docker", "run", "--rm", "-i", *volumes, "mai-standin:test", "python3", "-", "plant", json.dumps(orders))
    fleet.host(EVIL).exec(*command, data=KIT.read_text())


def listing(fleet: Fleet) -> dict[str, list[t.Any]]:
    """All of /opt/mai, but for odd, which is being changed, and the log of a database, which whoever reads opens."""
    found = json.loads(fleet.host(VICTIM).exec("python3", "-c", LISTING).stdout)
    return {path: facts for path, facts in found.items() if not re.search(OF_A_RUN, path)}


def victims(fleet: Fleet) -> dict[str, t.Any]:
    """What nobody but victim may change: every row, and when its container was started."""
    names = [row["name"] for row in fleet.table(VICTIM, "sqlite_master") if row["type"] == "table"]
    return {"started": fleet.started(VICTIM), **{name: fleet.table(VICTIM, f'"{name}"') for name in names}}


def assert_not_taken(fleet: Fleet) -> None:
    """Nothing of victim's lies in what is evil's, its archive included, and nobody followed a link that lies there."""
    secrets = [*fleet.secrets(VICTIM)[1:], ADMIN]
    patterns = "\n".join(secrets) + "\n"
    look = f"cd {DEPLOYMENTS} && grep --recursive --text --files-with-matches --fixed-strings --devices=skip -f - "
    places = fleet.sh(EVIL, f"cd {DEPLOYMENTS} && ls -d client-* archive/client-* 2>&- || true").split()
    places = [place for place in places if place != f"client-{VICTIM}" and "sparse" not in place]
    found = fleet.host(EVIL).exec("sh", "-c", look + " ".join(places), data=patterns, check=False)
    assert len(secrets) == 4 and found.stdout == "", found.stdout


@pytest.fixture(scope="module")
def fleet(new_fleet: t.Callable[..., Fleet], simulator: Simulator, ready_hosts: tuple[Host, Host]) -> t.Iterator[Fleet]:
    host = ready_hosts[0]
    fleet = new_fleet(
        mai_bind_address="127.0.0.1",
        mai_instance_api_base_url=simulator.openrouter_like_url,
        mai_health_timeout=20,
        mai_monthly_limit=50,
    )
    for slug in (VICTIM, EVIL, ODD):
        fleet.put(slug, host, mai_admin_email=f"boss@{slug}.example")
    fleet.run("all")
    host.exec("sh", "-c", IMAGES, data=VANDAL.replace("VICTIM", VICTIMS))
    yield fleet
    names = " ".join(f"--filter name=mai-{slug}" for slug in (VICTIM, EVIL, ODD))
    host.exec("sh", "-c", f"docker rm --force $(docker ps --all --quiet {names})", check=False)
    host.exec("rm", "-rf", *(fleet.directory(slug) for slug in (VICTIM, EVIL, ODD)))
    host.exec("sh", "-c", f"rm -rf {DEPLOYMENTS}/client-evil-* {DEPLOYMENTS}/archive/client-evil* /tmp/hostile.py")


@pytest.fixture(scope="module")
def endless(fleet: Fleet) -> Run:
    """odd is being suspended, which takes a while: the change of its row has no end, and other values no sense."""
    in_container(fleet, ODD, [["data", "odd", "abc", 7, 5], ["data", "trigger", "client_organizations"]])
    return fleet.start(ODD, playbook="playbooks/suspend_client.yml")


@pytest.fixture(scope="module")
def crowd(fleet: Fleet, endless: Run) -> Fleet:
    """Every attack is in its place, evil's own included: a link to its neighbour's database."""
    assert endless.process.poll() is None
    host = fleet.host(EVIL)
    slugs = {name: f"{EVIL}-{name}" for name in CROWD}
    host.exec("sh", "-c", MAKE_CROWD, "sh", *slugs.values(), data=KIT.read_text())
    orders: list[t.Any] = []
    answers = [ANSWER.format(name="mai-evil-catcher", slug="nobody", port=CATCHER, ways="usually")]
    for name, attack in CROWD.items():
        slug = slugs[name]
        fleet.put(slug, host, mai_admin_email=f"boss@{EVIL}.example")
        orders += [[f"/evil/{slug}", *order] for order in attack.orders]
        if attack.ways:
            port = fleet.known(slug)["mai_port"]
            answers.append(ANSWER.format(name=fleet.service(slug), slug=slug, port=port, ways=" ".join(attack.ways)))
    as_owner(fleet, slugs.values(), orders)
    host.exec("sh", "-c", "".join(answers))
    in_container(fleet, EVIL, [["data", "link", f"{VICTIMS}/data/webui.db"]])
    return fleet


@dataclasses.dataclass
class Looks:
    """What the playbooks that only look said, and the machine before and after them."""

    result: Result
    told: dict[str, t.Any]
    before: dict[str, list[t.Any]]
    after: dict[str, list[t.Any]]


def look(crowd: Fleet, name: str, clients: t.Iterable[str], folder: pathlib.Path, *arguments: str) -> Looks:
    file, before = folder / f"{name}.json", listing(crowd)
    names = ",".join(clients)
    result = run(crowd, name, names, "-e", f"json_file={file}", *arguments, check=False, seconds=200)
    told = json.loads(file.read_text())
    if isinstance(told, list):
        told = {row["client"]: row for row in told}
    return Looks(result, told, before, listing(crowd))


@pytest.fixture(scope="module")
def listed(crowd: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    return look(crowd, "list_clients", ["all"], tmp_path_factory.mktemp("list"))


ASKED = [name for name, attack in CROWD.items() if attack.asked]
IN_DEPTH = [VICTIM, EVIL, *(f"{EVIL}-{name}" for name in ASKED)]


@pytest.fixture(scope="module")
def told(crowd: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    return look(crowd, "client_info", IN_DEPTH, tmp_path_factory.mktemp("info"))


@pytest.fixture(scope="module")
def diagnosed(crowd: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    return look(
        crowd,
        "diagnose_client",
        IN_DEPTH,
        tmp_path_factory.mktemp("checks"),
        "-v",
    )


def test_the_journal_is_sharp(tmp_path: pathlib.Path) -> None:
    """Whoever opens the database as it comes deletes what the planted journal names."""
    with contextlib.chdir(tmp_path):
        (tmp_path / "precious").write_text("somebody's\n")
        hostile.sql("PRAGMA journal_mode=WAL", "CREATE TABLE one (x)")
        hostile.journal(str(tmp_path / "precious"))
        with contextlib.closing(sqlite3.connect("webui.db")) as database:
            database.execute("SELECT * FROM one").fetchall()
    assert not (tmp_path / "precious").exists()


def test_the_way_back_of_an_upgrade(fleet: Fleet) -> None:
    """The new image makes of the database a link to the neighbour's, and of what is beside it directories."""
    before, own = victims(fleet), fleet.table(EVIL, '"user"')
    back = run(fleet, "upgrade_client", EVIL, "-e", "new_image=mai:vandal", check=False)
    assert back.rc == 2 and "it runs on with its old image" in back.said, back.output
    assert fleet.table(EVIL, '"user"') == own and victims(fleet) == before
    assert fleet.organization(EVIL)["id"] == f"{EVIL}-001"
    assert "regular file" in fleet.sh(EVIL, f"stat --format=%F {fleet.directory(EVIL)}/data/webui.db")
    assert fleet.container(EVIL)["State"]["Running"]
    assert_not_taken(fleet)


@pytest.mark.parametrize("name", CROWD)
def test_listed_with_its_fault(listed: Looks, name: str) -> None:
    row = listed.told[f"{EVIL}-{name}"]
    assert CROWD[name].fault in " ".join(row["differs"]), row
    assert row["state"] == (CROWD[name].state or "down"), row
    assert "cannot be read (" not in " ".join(row["differs"]), row


@pytest.mark.parametrize("looks", ["listed", "told", "diagnosed"])
class TestALook:
    """Of the list, of client_info and of diagnose_client."""

    @pytest.fixture
    def seen(self, looks: str, request: pytest.FixtureRequest) -> Looks:
        return t.cast(Looks, request.getfixturevalue(looks))

    def test_ends_in_time(self, seen: Looks) -> None:
        assert seen.result.rc in (0, 2) and seen.result.total("unreachable") == 0, seen.result.output
        assert "Traceback" not in seen.result.output

    def test_writes_nothing(self, seen: Looks) -> None:
        changed = {path: (seen.before.get(path), seen.after.get(path)) for path in {*seen.before, *seen.after}}
        assert {path: facts for path, facts in changed.items() if facts[0] != facts[1]} == {}

    def test_shows_nothing_of_the_machine_or_of_the_neighbour(self, crowd: Fleet, seen: Looks) -> None:
        shadow = [line for line in crowd.sh(EVIL, "cat /etc/shadow").splitlines() if line]
        output = seen.result.output + json.dumps(seen.told, ensure_ascii=False)
        assert shadow and not [line for line in [*shadow, *crowd.secrets(VICTIM)] if line in output]
        mine = json.dumps({slug: one for slug, one in seen.told.items() if slug != VICTIM})
        assert ADMIN not in mine

    def test_shows_no_credential_that_was_typed_into_a_url(self, seen: Looks) -> None:
        output = seen.result.output + json.dumps(seen.told, ensure_ascii=False)
        assert [mistake for mistake in MISTAKES if mistake in output] == []

    def test_shows_no_line_that_the_instance_forged(self, seen: Looks) -> None:
        assert not re.search(r"^\W*(key on the machine: FORGED|ok +sign-up closed +FORGED)", seen.result.output, re.M)
        told = json.dumps(seen.told, ensure_ascii=False)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", seen.result.output + told)
        assert "\\n" not in told and "\\u00" not in told


def test_the_neighbour_is_in_good_order(listed: Looks, told: Looks, diagnosed: Looks) -> None:
    assert (listed.told[VICTIM]["state"], listed.told[VICTIM]["differs"]) == ("up", [])
    assert {one["result"] for one in diagnosed.told[VICTIM]} == {"ok"}, diagnosed.told[VICTIM]
    assert told.told[VICTIM]


def test_evil_with_its_link(crowd: Fleet, listed: Looks, told: Looks, diagnosed: Looks) -> None:
    assert FOREIGN in " ".join(listed.told[EVIL]["differs"])
    [check] = [one for one in diagnosed.told[EVIL] if one["check"] == "database"]
    assert check["result"] == "failed" and FOREIGN in check["cause"] and check["remedy"]
    assert FOREIGN in json.dumps(told.told[EVIL])
    assert_not_taken(crowd)


def test_no_session_is_sent_on(crowd: Fleet, diagnosed: Looks) -> None:
    """To where the instance redirects whoever asks: its neighbour, say."""
    asked = crowd.sh(EVIL, f"docker logs {crowd.service(f'{EVIL}-answer-redirect')} 2>&1")
    assert "/api/models with a session" in asked and diagnosed.told
    assert [line for line in crowd.sh(EVIL, "docker logs mai-evil-catcher 2>&1").split() if line != "/health"] == []


@pytest.mark.parametrize("name", ASKED)
def test_what_is_to_be_pasted_is_inert(diagnosed: Looks, name: str, tmp_path: pathlib.Path) -> None:
    programs, home = tmp_path / "programs", tmp_path / "home"
    programs.mkdir(), home.mkdir()
    for program in ("ansible", "ansible-playbook", "ansible-inventory"):
        (programs / program).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {home}/arguments\n')
        (programs / program).chmod(0o755)
    environment = {"HOME": str(home), "PATH": f"{programs}:{os.defpath}"}
    remedies = [one["remedy"] for one in diagnosed.told[f"{EVIL}-{name}"] if one["remedy"]]
    commands = [remedy for remedy in remedies if remedy.startswith("ansible")]
    assert commands
    for remedy in remedies:
        assert "PWNED" not in remedy and "{{" not in remedy and "{%" not in remedy and "\n" not in remedy
    for command in commands:
        subprocess.run(["sh", "-n", "-c", command], check=True, timeout=20)
        subprocess.run(["sh", "-c", command], check=True, timeout=20, cwd=home, env=environment)
    assert os.listdir(home) == ["arguments"]
    plain = re.compile(r"[\w ./:@=+,?;()\[\]\"'&<>-]*")
    assert all(plain.fullmatch(line) for line in (home / "arguments").read_text().splitlines())


def test_an_upgrade_of_a_link_is_refused(crowd: Fleet) -> None:
    before = victims(crowd)
    refused = run(crowd, "upgrade_client", EVIL, "-e", "new_image=mai:other", check=False)
    assert_not_taken(crowd)
    assert victims(crowd) == before
    assert refused.rc == 2 and FOREIGN in refused.said, refused.output


def test_an_onboarding_writes_nothing_into_the_neighbours(crowd: Fleet) -> None:
    """Who has no active organisation would have taken evil's."""
    relative = f"../../client-{VICTIM}/data/webui.db"
    as_owner(crowd, [EVIL], [[f"/evil/{EVIL}", "link", relative]])
    in_container(crowd, VICTIM, [["data", "sql", "UPDATE client_organizations SET is_active = 0"]])
    before = victims(crowd)
    refused = run(crowd, "onboard_client", EVIL, check=False)
    assert victims(crowd) == before
    assert refused.rc == 2 and FOREIGN in refused.said, refused.output
    in_container(crowd, VICTIM, [["data", "sql", "UPDATE client_organizations SET is_active = 1"]])
    assert_not_taken(crowd)


def test_a_lower_limit_counts_all_the_same(crowd: Fleet) -> None:
    before = victims(crowd)
    lowered = run(crowd, "set_limit", EVIL, "-e", "new_limit=7", check=False)
    assert lowered.rc == 2 and FOREIGN in lowered.said, lowered.output
    assert crowd.only_key(EVIL)["limit"] == 7 and victims(crowd) == before
    assert "mai_monthly_limit: 7" in (crowd.folder / "host_vars" / f"{EVIL}.yml").read_text()


def test_a_rotation_is_refused_before_a_key_is_made(crowd: Fleet) -> None:
    before = victims(crowd)
    rotated = run(crowd, "rotate_key", EVIL, check=False)
    assert rotated.rc == 2 and FOREIGN in rotated.said, rotated.output
    assert crowd.writes == [] and victims(crowd) == before


def test_the_site_goes_on_with_the_others(crowd: Fleet) -> None:
    before = victims(crowd)
    site = run(crowd, "site", f"{VICTIM},{EVIL}", check=False)
    assert site.rc == 2 and f"{VICTIM}: unchanged" in site.said and f"{EVIL}: failed: " in site.said, site.output
    assert FOREIGN in site.said and victims(crowd) == before and crowd.writes == []


def test_suspended_all_the_same(crowd: Fleet) -> None:
    as_owner(crowd, [EVIL], [[f"/evil/{EVIL}", "link", "step", f"{VICTIMS}/data/webui.db"]])
    before = victims(crowd)
    suspended = run(crowd, "suspend_client", EVIL)
    assert FOREIGN in suspended.said and not crowd.container(EVIL)["State"]["Running"], suspended.output
    assert crowd.only_key(EVIL)["disabled"] and victims(crowd) == before
    resumed = run(crowd, "resume_client", EVIL, check=False)
    assert resumed.rc == 2 and FOREIGN in resumed.said and crowd.only_key(EVIL)["disabled"], resumed.output
    assert_not_taken(crowd)


def test_suspended_though_its_row_cannot_be_changed(crowd: Fleet, endless: Run) -> None:
    suspended = endless.wait(120)
    assert suspended.rc == 0 and "does not come to an end" in suspended.said, suspended.output
    assert not crowd.container(ODD)["State"]["Running"] and crowd.only_key(ODD)["disabled"]


def test_no_process_is_left(crowd: Fleet) -> None:
    assert crowd.host(VICTIM).exec("sh", "-c", PROGRAMS).stdout == ""


def test_a_deep_tree_is_deleted_with_odd_values_beside_it(crowd: Fleet) -> None:
    as_owner(crowd, [ODD], [[f"/evil/{ODD}", "nested", 6000]])
    before = victims(crowd)
    run(crowd, "offboard_client", ODD, "-e", f"confirm={ODD}", "-e", "purge_data=true")
    assert crowd.sh(ODD, f"ls {DEPLOYMENTS}/archive | grep client-{ODD} || true") == ""
    assert crowd.sh(ODD, f"docker ps --all --quiet --filter name=^{crowd.service(ODD)}$") == ""
    assert victims(crowd) == before


def test_off_boarded_all_the_same(crowd: Fleet) -> None:
    before, service = victims(crowd), crowd.service(EVIL)
    gone = run(crowd, "offboard_client", EVIL, "-e", f"confirm={EVIL}")
    assert crowd.sh(EVIL, f"docker ps --all --quiet --filter name=^{service}$") == ""
    archive = crowd.sh(EVIL, f"ls -d {DEPLOYMENTS}/archive/client-{EVIL}-2*").strip()
    record = crowd.sh(EVIL, f"cat {archive}/OFFBOARDED.md")
    assert "without a final copy" in record and FOREIGN in record, record + gone.output
    assert "webui-final.db" not in crowd.sh(EVIL, f"ls {archive}")
    assert victims(crowd) == before
    assert_not_taken(crowd)
