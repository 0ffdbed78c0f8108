# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on real hosts: clients on two machines, from nothing to working, and whatever changes then.

Each fixture is one step of their lives, one run over all of them, and builds on the one before; the tests look at what
it came to. (What differs, and what is done about it, case by case: tests/unit/plan.)
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
import typing as t
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result

ALL = ("zolw", "o-brien", "line-break")
# Older releases, and a client that has no administrator yet
VARIANTS = ("oldest", "older", "nobody")
EVERYONE = (*ALL, *VARIANTS)
NAMES = {
    "zolw": 'Żółw & Söhne "Sp. z o.o."',
    "o-brien": "O'Brien $HOME | `id` #1",
    "line-break": "Zwei\nZeilen {{ 7*7 }}",
}
HOSTILE = {
    "NOTE_QUOTES": """double " single ' back ` both '" end""",
    "NOTE_DOLLARS": "$HOME ${HOME} $$ \\$ $(id)",
    "NOTE_HASH": "a # no comment",
    "NOTE_LINES": "one\ntwo\n\nthree",
    "NOTE_UNICODE": "Żółw 🐢 \u00a0ẞ",
    "NOTE_BACKSLASHES": "C:\\new\\table\\",
    "NOTE_BLANKS": "  before and after  ",
    "NOTE_JSON": '{"a": [1, "x", null]}',
    "NOTE_TEMPLATE": "{{ 7*7 }} {% raw %}",
    "NOTE_YAML": "yes: !!binary - *a",
    "NOTE_EMPTY": "",
}
DEMOTE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("UPDATE user SET role = 'user'")
"""


@pytest.fixture(scope="module")
def fleet(new_fleet: Callable[..., Fleet], ready_hosts: tuple[Host, Host]) -> Fleet:
    fleet = new_fleet()
    first, second = ready_hosts
    limits = {"mai_monthly_limit": 500, "mai_markup_rate": 1.5}
    fleet.put(
        "zolw",
        first,
        mai_client_name=NAMES["zolw"],
        mai_port=8101,
        mai_admin_email="boss@zolw.example",
        mai_extra_env=HOSTILE,
        **limits,
    )
    fleet.put("o-brien", first, mai_client_name=NAMES["o-brien"], mai_port=8102, mai_admin_email="pat@brien.example")
    fleet.put(
        "line-break",
        second,
        mai_client_name=NAMES["line-break"],
        mai_port=8101,
        mai_admin_email="a|b@lines.example",
        mai_billing_email="bills@lines.example",
        mai_extra_env={"DEFAULT_USER_ROLE": "pending"},
        mai_memory_limit="256m",
        mai_cpu_limit=1.5,
    )
    put = functools.partial(fleet.put, host=second)
    email = "admin@variants.example"
    put("oldest", mai_client_name="A", mai_port=8111, mai_admin_email=email, mai_extra_env={"STANDIN_GENERATION": "A"})
    put("older", mai_client_name="B", mai_port=8112, mai_admin_email=email)
    fleet.change("older", mai_extra_env={"STANDIN_GENERATION": "B", "STANDIN_CONFIG": "blob"})
    put("nobody", mai_client_name="Nobody", mai_port=8113, mai_monthly_limit=10)
    return fleet


@pytest.fixture(scope="module")
def rehearsed(fleet: Fleet) -> Result:
    """Check mode, when there is nothing yet."""
    return fleet.run(",".join(ALL), "--check", "--diff")


@pytest.fixture(scope="module")
def onboarded(fleet: Fleet, rehearsed: Result) -> Result:
    """The first run: all at once."""
    return fleet.run(",".join(EVERYONE))


def test_check_mode_before_the_first_run_writes_nothing(fleet: Fleet, rehearsed: Result) -> None:
    assert fleet.writes == []
    for slug in ALL:
        assert rehearsed.stats[slug]["changed"] > 0
        assert fleet.sh(slug, f"ls -d {fleet.directory(slug)} /opt/mai/deployments/.locks/{slug}", check=False) == ""
        assert fleet.control.keys_named(f"client-{slug}") == []
        assert not (fleet.project.path / "handovers" / f"{slug}.md").exists()
    assert "Would create the instance." in rehearsed.said
    assert fleet.openrouter.provisioning_key not in rehearsed.output


def test_all_clients_are_onboarded_in_one_run(fleet: Fleet, onboarded: Result) -> None:
    assert onboarded.total("failed") == onboarded.total("unreachable") == 0
    assert [write for write in fleet.writes if write[0] == "DELETE"] == []
    hashes = set()
    for slug in ALL:
        key, row, api_key = fleet.only_key(slug), fleet.organization(slug), fleet.variables(slug, "api_key.env")
        hashes.add(key["hash"])
        assert key["name"] == f"client-{slug}"
        assert not key["disabled"]
        assert set(api_key) == {"OPENAI_API_KEY", "OPENROUTER_API_KEY"}
        assert {hashlib.sha256(value.encode()).hexdigest() for value in api_key.values()} == {key["hash"]}
        assert row["id"] == f"{slug}-001"
        assert row["name"] == NAMES[slug]
        assert row["openrouter_api_key"] == api_key["OPENAI_API_KEY"]
        assert row["is_active"] == 1
        environment = fleet.environment(slug)
        for variable in ("CLIENT_ORG_NAME", "ORGANIZATION_NAME", "WEBUI_NAME"):
            assert environment[variable] == NAMES[slug]
        assert environment["OPENAI_API_KEY"] == api_key["OPENAI_API_KEY"]
        with fleet.api(slug) as api:
            assert api.get("/health").json() == {"status": True}
    assert len(hashes) == 3
    zolw = fleet.organization("zolw")
    assert (zolw["monthly_limit"], zolw["markup_rate"]) == (500, 1.5)
    assert (fleet.only_key("zolw")["limit"], fleet.only_key("zolw")["limit_reset"]) == (500, "monthly")
    assert (fleet.only_key("o-brien")["limit"], fleet.only_key("o-brien")["limit_reset"]) == (None, None)
    assert fleet.organization("o-brien")["monthly_limit"] is None
    assert fleet.organization("line-break")["billing_email"] == "bills@lines.example"
    limits = fleet.container("line-break")["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"]) == (256 * 1024**2, 1_500_000_000)


def test_the_first_administrator_can_sign_in_and_strangers_cannot_sign_up(fleet: Fleet, onboarded: Result) -> None:
    for slug in ALL:
        assert fleet.sign_in(slug).json()["role"] == "admin"
        with fleet.api(slug) as api:
            form = {"email": "stranger@else.example", "password": "let me in", "name": "Stranger"}
            assert api.post("/api/v1/auths/signup", json=form).status_code == 403


def test_only_root_can_read_what_lies_there(fleet: Fleet, onboarded: Result) -> None:
    for slug in ALL:
        listing = fleet.sh(slug, f"cd {fleet.directory(slug)}; find . -maxdepth 1 -printf '%P %m %u %g\\n'")
        found = {name: rest for name, *rest in (line.split(" ") for line in listing.splitlines())}
        data = found.pop("data")
        assert data[1:] == ["root", "root"]
        expected = {"": "700"} | dict.fromkeys(
            ("api_key.env", "secrets.env", "admin.env", "settings.env", "compose.yml", "HANDOVER.md", ".mai-clients"),
            "600",
        )
        assert found == {name: [mode, "root", "root"] for name, mode in expected.items()}
        # Whoever is not root does not even see the names.
        assert fleet.host(slug).exec("su", "ops", "-c", f"ls {fleet.directory(slug)}", check=False).returncode == 2


def test_the_handover_tells_what_there_is_and_holds_no_secret(fleet: Fleet, onboarded: Result) -> None:
    for slug in ALL:
        record, key = fleet.handover(slug), fleet.only_key(slug)
        assert record == fleet.file(slug, "HANDOVER.md")
        for part in (slug, f"{slug}-001", key["hash"], key["label"], str(fleet.host(slug).address()), "webui.db"):
            assert part in record
        assert [secret for secret in fleet.secrets(slug) if secret in record] == []
        assert [secret for secret in fleet.secrets(slug) if secret in onboarded.output] == []
        assert len(fleet.secrets(slug)) == 4
        mode = (fleet.project.path / "handovers" / f"{slug}.md").stat().st_mode
        assert mode & 0o777 == 0o600
    assert "| limit | 500.00 USD per calendar month (UTC) |" in fleet.handover("zolw")
    assert "| limit | NO LIMIT |" in fleet.handover("o-brien")
    assert "O'Brien $HOME &#124; &#96;id&#96; #1" in fleet.handover("o-brien")
    assert "# Zwei Zeilen {{ 7&#42;7 }}" in fleet.handover("line-break")
    # The command that the record gives fetches the password that works.
    [command] = [line.strip() for line in fleet.handover("zolw").splitlines() if line.startswith("    sudo sed")]
    shown = fleet.host("zolw").exec("su", "ops", "-c", command).stdout.strip().strip('"')
    assert shown == fleet.variables("zolw", "admin.env")["WEBUI_ADMIN_PASSWORD"]


def test_docker_itself_sees_the_instances_healthy(fleet: Fleet, onboarded: Result) -> None:
    deadline = time.monotonic() + 30
    for slug in ALL:
        while (state := fleet.container(slug)["State"]["Health"])["Status"] != "healthy":
            assert time.monotonic() < deadline, state
            time.sleep(1)


def test_releases_that_know_no_administrator_in_the_environment_get_one(fleet: Fleet, onboarded: Result) -> None:
    for slug in ("oldest", "older"):
        assert fleet.sign_in(slug).json()["role"] == "admin"
        assert fleet.environment(slug)["ENABLE_SIGNUP"] == "false"
        with fleet.api(slug) as api:
            form = {"email": "stranger@else.example", "password": "let me in", "name": "Stranger"}
            assert api.post("/api/v1/auths/signup", json=form).status_code == 403


def test_the_row_is_made_where_the_instance_makes_none_and_completed_where_it_does(
    fleet: Fleet, onboarded: Result
) -> None:
    milliseconds = 10**12
    for slug, made_here in (("oldest", True), ("older", False)):
        row = fleet.organization(slug)
        assert (row["id"], row["markup_rate"], row["is_active"]) == (f"{slug}-001", 1.3, 1)
        assert row["openrouter_api_key"] == fleet.secret(slug)
        assert (row["created_at"] > milliseconds) == made_here


def test_without_an_administrator_only_the_machine_itself_can_reach_the_instance(
    fleet: Fleet, onboarded: Result
) -> None:
    assert fleet.published("nobody") == {"HostIp": "127.0.0.1", "HostPort": "8113"}
    with fleet.api("nobody") as api, pytest.raises(httpx.ConnectError):
        api.get("/health")
    assert fleet.sh("nobody", "curl -s http://127.0.0.1:8113/health") == '{"status":true}'
    assert "(from its own machine only, until it has an administrator)" in fleet.handover("nobody")
    assert "| administrator | none yet: set mai_admin_email" in fleet.handover("nobody")


def test_values_reach_the_container_unchanged(fleet: Fleet, onboarded: Result) -> None:
    environment = fleet.environment("zolw")
    assert {name: environment.get(name) for name in HOSTILE} == HOSTILE


def test_the_second_run_changes_nothing(fleet: Fleet, onboarded: Result) -> None:
    before = {slug: fleet.started(slug) for slug in EVERYONE}
    listing = "cd {}; find . -path ./data -prune -o -printf '%p %T@ %i\\n' | sort"
    files = {slug: fleet.sh(slug, listing.format(fleet.directory(slug))) for slug in EVERYONE}
    rows = {slug: fleet.organization(slug) for slug in EVERYONE}
    for arguments in (("--check", "--diff"), ()):
        again = fleet.run(",".join(EVERYONE), *arguments)
        assert again.total("changed") == 0, again.stdout
        assert fleet.writes == []
        assert {slug: fleet.started(slug) for slug in EVERYONE} == before
        assert {slug: fleet.sh(slug, listing.format(fleet.directory(slug))) for slug in EVERYONE} == files
        assert {slug: fleet.organization(slug) for slug in EVERYONE} == rows
    for slug in ALL:
        assert again.stats[slug]["ok"] <= 12, again.stdout


class Changed(t.NamedTuple):
    """A rehearsal, the run, and another one."""

    rehearsal: Result
    result: Result
    writes: list[tuple[str, str | None, int | None]]
    """Of the run, to OpenRouter."""
    before: dict[str, tuple[str, str]]
    """What ran before it, and since when."""
    row: dict[str, t.Any]
    """Of zolw, before."""


@pytest.fixture(scope="module")
def changed(fleet: Fleet, onboarded: Result) -> Changed:
    """One run in which each client has something else that changed."""
    slugs = (*ALL, "nobody")
    before, row = {slug: fleet.started(slug) for slug in slugs}, fleet.organization("zolw")
    fleet.change("zolw", mai_monthly_limit=750.5)
    fleet.change("o-brien", mai_client_name="O'Brien & Daughters")
    fleet.change("line-break", mai_port=8105, mai_extra_env={"DEFAULT_USER_ROLE": "user"})
    fleet.change("nobody", mai_admin_email="first@nobody.example")
    rehearsal = fleet.run(",".join(slugs), "--check", "--diff")
    assert fleet.writes == []
    assert {slug: fleet.started(slug) for slug in slugs} == before
    assert fleet.organization("zolw") == row
    result = fleet.run(",".join(slugs))
    return Changed(rehearsal, result, fleet.writes, before, row)


def test_a_changed_limit_is_one_patch_and_no_restart(fleet: Fleet, changed: Changed) -> None:
    assert re.search(r"^-\s*limit: 500", changed.rehearsal.stdout, re.MULTILINE), changed.rehearsal.stdout
    assert re.search(r"^\+\s*limit: 750.5", changed.rehearsal.stdout, re.MULTILINE), changed.rehearsal.stdout
    assert changed.writes == [("PATCH", "client-zolw", 200)]
    assert fleet.only_key("zolw")["limit"] == 750.5
    now = fleet.organization("zolw")
    assert now["monthly_limit"] == 750.5
    assert now["updated_at"] >= changed.row["updated_at"]
    assert {**now, "monthly_limit": 500, "updated_at": changed.row["updated_at"]} == changed.row
    assert "750.50 USD" in fleet.handover("zolw")
    assert "750.50 USD" in fleet.file("zolw", "HANDOVER.md")
    assert fleet.started("zolw") == changed.before["zolw"]


def test_a_change_of_the_environment_recreates_the_container_once(fleet: Fleet, changed: Changed) -> None:
    assert "which interrupts its people for some seconds. Settings that differ: CLIENT_ORG_NAME" in " ".join(
        changed.rehearsal.stdout.split()
    )
    for slug, before in changed.before.items():
        assert changed.rehearsal.stats[slug]["changed"] > 0
        if slug != "zolw":
            assert fleet.container(slug)["Id"] != before[0]
            assert fleet.container(slug)["RestartCount"] == 0
    after = {slug: fleet.started(slug) for slug in changed.before}
    assert fleet.run(",".join(changed.before)).total("changed") == 0
    assert {slug: fleet.started(slug) for slug in changed.before} == after


def test_a_new_name_reaches_the_row_and_the_instance(fleet: Fleet, changed: Changed) -> None:
    assert fleet.organization("o-brien")["name"] == "O'Brien & Daughters"
    assert fleet.environment("o-brien")["ORGANIZATION_NAME"] == "O'Brien & Daughters"
    assert fleet.only_key("o-brien")["name"] == "client-o-brien"
    assert "# O'Brien & Daughters\n" in fleet.handover("o-brien")


def test_a_new_port_is_the_only_one_that_answers(fleet: Fleet, changed: Changed) -> None:
    address = fleet.host("line-break").address()
    assert httpx.get(f"http://{address}:8105/health", trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}:8101/health", trust_env=False)
    assert f"http://{address}:8105" in fleet.handover("line-break")


def test_an_administrator_named_later_opens_the_instance(fleet: Fleet, changed: Changed) -> None:
    assert fleet.sign_in("nobody", "first@nobody.example").json()["role"] == "admin"
    assert "first@nobody.example" in fleet.handover("nobody")


class Tended(t.NamedTuple):
    """A rehearsal, the run, and another one; and what was before them."""

    rehearsal: Result
    result: Result
    again: Result
    before: dict[str, tuple[str, str]]
    settings: str
    """Of zolw, as the collection had written them."""


@pytest.fixture(scope="module")
def tended(fleet: Fleet, changed: Changed) -> Tended:
    """Somebody edited a file of zolw; the administrators of o-brien did what is theirs to do."""
    before, settings = {slug: fleet.started(slug) for slug in ALL}, fleet.file("zolw", "settings.env")
    fleet.sh(
        "zolw",
        f"cd {fleet.directory('zolw')}; sed -i 's/^USAGE_MARKUP_MULTIPLIER=.*/USAGE_MARKUP_MULTIPLIER=\"9.9\"/'"
        " settings.env; echo 'STRANGE=\"1\"' >> settings.env",
    )
    edited = fleet.file("zolw", "settings.env")

    known = fleet.variables("o-brien", "admin.env")
    with fleet.session("o-brien") as api:
        second = {"email": "next@brien.example", "password": "next one's", "name": "Next", "role": "admin"}
        api.post("/api/v1/auths/add", json=second).raise_for_status()
        # Nobody else may change the first account of an instance
        own = api.get("/api/v1/auths/").json()
        update = {"email": "gone@brien.example", "password": "another", "role": "admin", "name": own["name"]}
        api.post(f"/api/v1/users/{own['id']}/update", json=update).raise_for_status()
    assert known["WEBUI_ADMIN_EMAIL"] == own["email"] != update["email"]
    assert fleet.sign_in("o-brien").status_code == 400

    rehearsal = fleet.run(",".join(ALL), "--check", "--diff")
    assert fleet.file("zolw", "settings.env") == edited
    result = fleet.run(",".join(ALL))
    # Even where nobody is left to administer it, people are not cut off.
    fleet.host("o-brien").exec("python3", "-c", DEMOTE, f"{fleet.directory('o-brien')}/data/webui.db")
    return Tended(rehearsal, result, fleet.run(",".join(ALL)), before, settings)


def test_a_file_that_somebody_edited_is_put_right(fleet: Fleet, tended: Tended) -> None:
    assert "Settings that differ: STRANGE, USAGE_MARKUP_MULTIPLIER." in " ".join(tended.rehearsal.stdout.split())
    for run in (tended.rehearsal, tended.result):
        # Somebody came to O'Brien's meanwhile
        assert {slug for slug, counts in run.stats.items() if counts["changed"]} == {"zolw", "o-brien"}, run.stdout
    assert "Would add 1 user to o-brien-001 in the instance's database." in tended.rehearsal.said
    people = {row["id"] for row in fleet.table("o-brien", "user")}
    assert {row["user_id"] for row in fleet.table("o-brien", "organization_members")} == people
    # The limit changed before; what no restart needs is written with the next change.
    good = tended.settings.replace('MONTHLY_LIMIT="500"', 'MONTHLY_LIMIT="750.5"')
    assert fleet.file("zolw", "settings.env") == good
    # The container never had what somebody wrote into the file. With it comes its new limit.
    environment = fleet.container("zolw")["Config"]["Env"]
    assert "MONTHLY_LIMIT=750.5" in environment and not any(line.startswith("STRANGE=") for line in environment)
    assert tended.again.total("changed") == 0, tended.again.stdout


def test_what_the_administrator_does_in_the_instance_is_theirs(fleet: Fleet, tended: Tended) -> None:
    assert "models could not be listed" not in tended.result.stdout
    assert fleet.started("o-brien") == tended.before["o-brien"]


def test_a_setting_that_the_instance_keeps_itself_is_named(fleet: Fleet, changed: Changed, tended: Tended) -> None:
    told = "settings that the instance keeps in its database and takes no longer from the inventory"
    for run in (changed.result, tended.result):
        said = run.said
        assert said.count(told) == 1  # of line-break alone
        assert "change them in its own administration: DEFAULT_USER_ROLE" in said
    stored = {row["key"]: row["value"] for row in fleet.table("line-break", "config")}
    assert stored["ui.default_user_role"] == '"pending"'


class Left(t.NamedTuple):
    """The run over what is left as it is, and another one; when it is as it was, the third."""

    first: Result
    again: Result
    back: Result


@pytest.fixture(scope="module")
def left(fleet: Fleet, tended: Tended, standin_image: Image) -> Left:
    """Another image for zolw and o-brien; line-break was suspended by somebody, at OpenRouter and on its machine."""
    before, own = fleet.started("zolw"), fleet.container("zolw")["Image"]
    # The same tag, another image, as after `docker load` of a new build; and another tag in the inventory.
    commit = f"docker commit --change 'LABEL build=2' $(docker create {standin_image.name}) {standin_image.name}"
    fleet.sh("zolw", f"{commit}; docker tag {standin_image.name} mai-standin:next; docker container prune --force")
    # Not even when the container has to be made anew.
    fleet.change("o-brien", mai_image="mai-standin:next", mai_extra_env={"NOTE": "anew"})

    suspended = fleet.only_key("line-break")["hash"]
    fleet.openrouter.patch_key(suspended, disabled=True)
    fleet.sh("line-break", f"docker stop {fleet.service('line-break')}")
    try:
        runs = [fleet.run(",".join(ALL)), fleet.run(",".join(ALL))]
        assert fleet.writes == []
        assert fleet.started("zolw") == before
        assert fleet.environment("o-brien")["NOTE"] == "anew"
        assert fleet.container("o-brien")["Image"] == own
        assert fleet.only_key("line-break")["disabled"]
        assert fleet.container("line-break")["State"]["Status"] == "exited"
        assert fleet.organization("line-break")["is_active"] == 0
    finally:
        fleet.sh("zolw", f"docker tag {own} {standin_image.name}; docker rmi mai-standin:next")
        fleet.change("o-brien", mai_image=standin_image.name)
        fleet.openrouter.patch_key(suspended, disabled=False)
    return Left(*runs, fleet.run(",".join(ALL)))


def test_another_image_is_reported_and_not_switched(fleet: Fleet, left: Left) -> None:
    for run in (left.first, left.again):
        assert run.stdout.count("image differs from the inventory: run upgrade_client.yml") == 2
        assert run.stats["zolw"]["changed"] == 0, run.stdout
    assert left.again.total("changed") == 0, left.again.stdout
    assert "image differs" not in left.back.stdout


def test_a_suspended_client_stays_suspended(fleet: Fleet, left: Left) -> None:
    for run in (left.first, left.again):
        assert "the client is suspended: its key is disabled" in run.said
    assert fleet.organization("line-break")["is_active"] == 1
    assert fleet.container("line-break")["State"]["Status"] == "running"
