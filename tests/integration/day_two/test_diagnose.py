# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""diagnose_client.yml: every fault is really there, and exactly its check is named, with what to do."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import typing as t

import pytest

from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Result
from tests.kit import schema
from tests.kit.agency import KEPT as SLUG
from tests.kit.agency import Agency
from tests.kit.figures import Table

DIAGNOSE = "playbooks/diagnose_client.yml"
TODAY = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"
GUARDRAIL = {"scope": "guardrail", "guardrail_id": "gr-1", "limit_usd": 5, "spend_usd": 5, "remaining_usd": 0}

NAMED = Table("diagnosis", "Faults that diagnose_client.yml names", ("planted", "named by"))

Planted = t.Iterator[None]


def diagnosed(agency: Agency, *arguments: str, client: str = SLUG, **environment: str) -> Result:
    agency.control.clear_journal()
    file = ("-e", f"json_file={agency.folder}/checks.json")
    result = agency.run(client, *file, *arguments, playbook=DIAGNOSE, **environment)
    assert result.total("changed") == 0 and agency.control.writes() == [], result.output
    return result


def checks(agency: Agency, result: str, client: str = SLUG) -> dict[str, dict[str, str]]:
    found = json.loads((agency.folder / "checks.json").read_text())[client]
    return {one["check"]: one for one in found if one["result"] == result}


# Remedies that are commands for one machine and change something
PASTED = re.compile(r"ansible -i .* -m (mai\.clients\.|shell -a \"python3)(?!.* && )")


def paste(command: str) -> None:
    """As an operator does."""
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        command, shell=True, check=False, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "CHANGED" in done.stdout, command + done.stdout + done.stderr


# What is planted, until the end of the block


@contextlib.contextmanager
def sql(agency: Agency, plant: str, undo: str) -> Planted:
    agency.query(SLUG, plant)
    try:
        yield
    finally:
        agency.query(SLUG, undo)


@contextlib.contextmanager
def saved(agency: Agency, name: str, value: t.Any) -> Planted:
    """Another setting in Open WebUI."""
    update = "UPDATE config SET value = ? WHERE key = ?"
    [(before,)] = agency.query(SLUG, "SELECT value FROM config WHERE key = ?", name)
    agency.query(SLUG, update, json.dumps(value), name)
    try:
        yield
    finally:
        agency.query(SLUG, update, before, name)


@contextlib.contextmanager
def inventory(agency: Agency, **variables: t.Any) -> Planted:
    before = {name: agency.clients[SLUG].get(name) for name in variables}
    agency.client(SLUG, **variables)
    try:
        yield
    finally:
        agency.client(SLUG, **before)


@contextlib.contextmanager
def file(agency: Agency, name: str, old: str, new: str) -> Planted:
    path = agency.directory(SLUG) / name
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        yield
    finally:
        path.write_text(before)


@contextlib.contextmanager
def patched(agency: Agency, **fields: t.Any) -> Planted:
    """The key is changed as in OpenRouter's dashboard."""
    key = agency.key(SLUG)
    agency.openrouter.patch_key(key["hash"], **fields)
    try:
        yield
    finally:
        agency.openrouter.patch_key(key["hash"], **{name: key[name] for name in fields})


@contextlib.contextmanager
def key(agency: Agency, undo: t.Any, **fields: t.Any) -> Planted:
    key_hash = agency.key(SLUG)["hash"]
    agency.control.set_key(key_hash, **fields)
    try:
        yield
    finally:
        agency.control.set_key(key_hash, **dict.fromkeys(fields, undo))


@contextlib.contextmanager
def no_credits(agency: Agency) -> Planted:
    agency.control.credits(0)
    yield
    agency.control.credits(100)


@contextlib.contextmanager
def twin(agency: Agency) -> Planted:
    [key_hash] = agency.control.plant_keys([f"client-{SLUG}"])
    try:
        yield
    finally:
        agency.openrouter.delete_key(key_hash)


@contextlib.contextmanager
def signalled(agency: Agency, number: signal.Signals) -> Planted:
    os.killpg(agency.pid(SLUG), number)
    yield
    if number is signal.SIGSTOP:
        os.killpg(agency.pid(SLUG), signal.SIGCONT)
    else:
        agency.start_again(SLUG)


@contextlib.contextmanager
def no_models(agency: Agency) -> Planted:
    agency.control.fault(kind="status", status=500, method="GET", path="^/models", times=None)
    yield


@contextlib.contextmanager
def elsewhere(agency: Agency) -> Planted:
    url = agency.openrouter.url
    with inventory(agency, mai_instance_api_base_url=url), saved(agency, "openai.api_base_urls", [url]):
        yield


@contextlib.contextmanager
def newcomer(agency: Agency) -> Planted:
    """Somebody whom the administrator added in the instance."""
    form = {"email": "new@example.com", "password": "a password", "name": "New", "role": "user"}
    with agency.session(SLUG) as people:
        user = people.post("/api/v1/auths/add", json=form).raise_for_status().json()["id"]
    yield
    for table in ("user", "auth"):
        agency.query(SLUG, f'DELETE FROM "{table}" WHERE id = ?', user)


@contextlib.contextmanager
def unmapped(agency: Agency) -> Planted:
    """As in generation A, which alone has the counters and reads the mapping."""
    agency.query(SLUG, schema.COUNTERS)
    with sql(agency, "UPDATE user_client_mapping SET client_org_id = 'x-' || client_org_id", MAPPED):
        yield
    agency.query(SLUG, "DROP TABLE client_live_counters")


@contextlib.contextmanager
def used(agency: Agency, at_openrouter: float, inside: float) -> Planted:
    agency.query(SLUG, "DELETE FROM client_daily_usage")
    agency.control.set_key(agency.key(SLUG)["hash"], spend={})
    if at_openrouter:
        agency.control.usage(agency.key(SLUG)["hash"], at_openrouter)
    if inside:
        row = "INSERT INTO client_daily_usage (id, client_org_id, usage_date, raw_cost, created_at, updated_at)"
        agency.query(SLUG, f"{row} VALUES ('planted', ?, ?, ?, 0, 0)", f"{SLUG}-001", TODAY, inside)
    yield
    agency.query(SLUG, "DELETE FROM client_daily_usage")
    agency.control.set_key(agency.key(SLUG)["hash"], spend={})


@contextlib.contextmanager
def table(agency: Agency, ddl: str, name: str, values: str) -> Planted:
    """A table of mAI that the stand-in does without."""
    with sql(agency, ddl, f"DROP TABLE {name}"):
        agency.query(SLUG, f"INSERT INTO {name} VALUES ({values})")
        yield


@contextlib.contextmanager
def nothing(_agency: Agency) -> Planted:
    yield


MAPPED = "UPDATE user_client_mapping SET client_org_id = substr(client_org_id, 3) WHERE client_org_id LIKE 'x-%'"
ROW = "UPDATE client_organizations SET "
SECOND = (
    "INSERT INTO client_organizations (id, name, openrouter_api_key, is_active, created_at, updated_at)"
    " VALUES ('other', 'Other', 'sk-or-v1-other', 1, 0, 0)"
)
OTHER_KEY = f"sk-or-v1-{'0' * 64}"


class Fault(t.NamedTuple):
    plant: t.Callable[[Agency], t.ContextManager[None]]
    check: str
    remedy: str
    cause: str
    also: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: t.Mapping[str, str] = {}


FAULTS = {
    "the provisioning key is not valid": Fault(
        nothing,
        "provisioning key",
        "export OPENROUTER_PROVISIONING_KEY_FILE=",
        "not valid for anything",
        environment={"OPENROUTER_PROVISIONING_KEY": OTHER_KEY},
    ),
    "no credits are left": Fault(no_credits, "credits", "openrouter.ai/settings/credits", "used up"),
    "the client's name is too long": Fault(
        lambda agency: inventory(agency, mai_client_name="x" * 201),
        "name and variables",
        "ansible-inventory",
        "at most 200",
        # It is not the recorded one, either
        also=("organisation",),
    ),
    "the key was renamed or deleted": Fault(
        lambda agency: patched(agency, name="gone"), "key exists", "onboard_client.yml", "no key named"
    ),
    "two keys have the client's name": Fault(twin, "key exists", "openrouter.ai/settings/keys", "2 keys"),
    "the key is disabled": Fault(
        lambda agency: patched(agency, disabled=True), "key enabled", "resume_client.yml", "suspended"
    ),
    "the key has expired": Fault(
        lambda agency: key(agency, None, expires_at="2026-01-01T00:00:00Z"),
        "key not expired",
        "rotate_key.yml",
        "2026-01-01",
    ),
    "the limit is used up": Fault(
        lambda agency: patched(agency, limit=0),
        "limit not used up",
        "set_limit.yml",
        "this month",
        also=("limit as ordered",),
    ),
    "the limit was changed in the dashboard": Fault(
        lambda agency: patched(agency, limit=60),
        "limit as ordered",
        "resume_client.yml",
        "limit 60.00 instead of 50.00",
    ),
    "a guardrail's budget is used up": Fault(
        lambda agency: key(agency, [], budgets_above=[GUARDRAIL]),
        "budgets not used up",
        "openrouter.ai/settings",
        "guardrail gr-1",
    ),
    "a workspace's budget is used up": Fault(
        lambda agency: key(agency, [], budgets_above=[{"scope": "workspace", "limit_usd": 5, "remaining_usd": 0}]),
        "budgets not used up",
        "openrouter.ai/settings",
        "workspace, 5.00 USD",
    ),
    "another key is in api_key.env": Fault(
        lambda agency: file(agency, "api_key.env", agency.secret(SLUG), OTHER_KEY),
        "key on the machine",
        "onboard_client.yml",
        "api_key.env",
    ),
    "the instance was killed": Fault(
        lambda agency: signalled(agency, signal.SIGKILL), "instance up", "onboard_client.yml", "nothing answers"
    ),
    "the instance hangs": Fault(
        lambda agency: signalled(agency, signal.SIGSTOP), "instance healthy", "instance.log", "not healthy"
    ),
    "settings.env was edited by hand": Fault(
        lambda agency: file(agency, "settings.env", "ENV=", "ENV=x"), "environment", "onboard_client.yml", "ENV"
    ),
    "another key is saved in Open WebUI": Fault(
        lambda agency: saved(agency, "openai.api_keys", [OTHER_KEY]),
        "key saved in Open WebUI",
        "-m mai.clients.stored_connection",
        "is not the client's",
    ),
    "another URL is saved in Open WebUI": Fault(
        lambda agency: saved(
            agency,
            "openai.api_base_urls",
            [agency.openrouter.openrouter_like_url.replace("127.0.0.1", "localhost")],
        ),
        "key saved in Open WebUI",
        "-m mai.clients.stored_connection",
        "another URL",
    ),
    "the instance gets no models": Fault(no_models, "models", "instance.log", "lists no model"),
    "the instance's URL is not OpenRouter's": Fault(
        elsewhere, "address of OpenRouter", "onboard_client.yml", "only at openrouter.ai"
    ),
    "the database holds what no instance makes": Fault(
        lambda agency: sql(agency, "CREATE VIEW daily_exchange_rates AS SELECT 1", "DROP VIEW daily_exchange_rates"),
        "database",
        "ls -lab",
        "no table but a view",
    ),
    "the organisation is not active": Fault(
        lambda agency: sql(agency, ROW + "is_active = 0", ROW + "is_active = 1"),
        "organisation",
        "onboard_client.yml",
        "found: none",
    ),
    "a second organisation is active": Fault(
        lambda agency: sql(agency, SECOND, "DELETE FROM client_organizations WHERE id = 'other'"),
        "organisation",
        "id=other",
        "other",
    ),
    "the organisation has another id": Fault(
        lambda agency: sql(agency, ROW + "id = 'other'", ROW + f"id = '{SLUG}-001'"),
        "organisation",
        "id=other",
        "'other'",
    ),
    "the organisation has another key": Fault(
        lambda agency: sql(
            agency,
            ROW + f"openrouter_api_key = '{OTHER_KEY}'",
            ROW + f"openrouter_api_key = '{agency.secret(SLUG)}'",
        ),
        "organisation",
        "onboard_client.yml",
        "another key",
    ),
    "a user is not a member": Fault(
        newcomer, "users members", "-m mai.clients.client_organization", "1 users are not members"
    ),
    "a user is not mapped (generation A)": Fault(
        unmapped, "users mapped", "-m mai.clients.client_organization", "1 users are not mapped"
    ),
    "usage at OpenRouter only": Fault(
        lambda agency: used(agency, 1.5, 0), "usage today", "instance.log", "nothing in the instance"
    ),
    "usage in the instance only": Fault(
        lambda agency: used(agency, 0, 1.5), "usage today", "client_info.yml", "nothing at OpenRouter"
    ),
    "the exchange rate is the built-in one": Fault(
        lambda agency: table(agency, schema.RATES, "daily_exchange_rates", "'2026-11-26', 4.0, 'fallback'"),
        "exchange rate",
        "api.nbp.pl",
        "built-in 4.0",
    ),
    "a provisioning key is saved in the instance": Fault(
        lambda agency: table(agency, schema.GLOBAL_SETTINGS, "global_settings", f"'1', '{OTHER_KEY}'"),
        "no provisioning key inside",
        "SET openrouter_provisioning_key = NULL",
        "global_settings",
    ),
    "there is no administrator": Fault(
        lambda agency: sql(agency, "UPDATE user SET role = 'user'", "UPDATE user SET role = 'admin'"),
        "administrator",
        "UPDATE user SET role",
        "admin@example.com can be made to",
    ),
    "strangers can sign up": Fault(
        lambda agency: saved(agency, "ui.enable_signup", True),
        "sign-up closed",
        "ui.enable_signup",
        "strangers can sign up",
    ),
    "less disk is free than wanted": Fault(nothing, "disk", "df -h", "GiB", arguments=("-e", "disk_gib=900000000")),
    "less memory is free than wanted": Fault(
        nothing, "memory", "free -m", "MiB", arguments=("-e", "memory_mib=900000000")
    ),
}


def test_nothing_is_wrong(agency: Agency, client: str) -> None:
    result = diagnosed(agency, "-e", "paid_test=true")
    assert (result.rc, checks(agency, "failed"), checks(agency, "unknown")) == (0, {}, {}), result.output
    assert "chat of one token" in checks(agency, "ok")
    calls = [(call["method"], call["path"].rpartition("/")[2]) for call in agency.control.journal()]
    assert calls == [("GET", "credits"), ("GET", "keys")]


# Faults that have nothing to do with one another are looked for in one run.
TOGETHER = [
    (
        "the provisioning key is not valid",
        "the exchange rate is the built-in one",
        "a provisioning key is saved in the instance",
        "strangers can sign up",
        "a second organisation is active",
        "less disk is free than wanted",
    ),
    (
        "no credits are left",
        "the limit is used up",
        "a guardrail's budget is used up",
        "a user is not mapped (generation A)",
        "another key is saved in Open WebUI",
        "the organisation has another key",
    ),
    (
        "the client's name is too long",
        "a user is not a member",
        "another URL is saved in Open WebUI",
        "there is no administrator",
        "settings.env was edited by hand",
        "usage in the instance only",
        "two keys have the client's name",
    ),
    (
        "a workspace's budget is used up",
        "the instance gets no models",
        "the organisation is not active",
        "the key was renamed or deleted",
    ),
    (
        *("the key is disabled", "the key has expired", "the instance hangs", "usage at OpenRouter only"),
        "the limit was changed in the dashboard",
    ),
    (
        "another key is in api_key.env",
        "the instance's URL is not OpenRouter's",
        "the organisation has another id",
        "less memory is free than wanted",
    ),
    ("the instance was killed", "the database holds what no instance makes"),
]


@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: names[0])
def test_every_fault_is_named(agency: Agency, client: str, names: tuple[str, ...]) -> None:
    faults = [FAULTS[name] for name in names]
    with contextlib.ExitStack() as planted:
        for fault in faults:
            planted.enter_context(fault.plant(agency))
        arguments = [word for fault in faults for word in fault.arguments]
        environment = {name: value for fault in faults for name, value in fault.environment.items()}
        result = diagnosed(agency, *arguments, **environment)
        found = checks(agency, "failed")
        pasted = {check: one["remedy"] for check, one in found.items() if PASTED.match(one["remedy"])}
        for remedy in pasted.values():
            paste(remedy)
        if pasted:
            diagnosed(agency, *arguments, **environment)
            assert set(pasted) <= set(checks(agency, "ok")), checks(agency, "failed")
    assert set(found) == {check for fault in faults for check in (fault.check, *fault.also)}, result.output
    for fault in faults:
        assert fault.cause in found[fault.check]["cause"]
        assert fault.remedy in found[fault.check]["remedy"]
    assert result.rc == 2 and f"{client}: " in result.said and OTHER_KEY not in result.output
    for name in names:
        NAMED.add(name, FAULTS[name].check)


def test_no_fault_is_left_out() -> None:
    assert sorted(name for names in TOGETHER for name in names) == sorted(FAULTS)


def restarted_with(agency: Agency, settings: str) -> None:
    """As somebody does who edits the settings on the machine and starts the instance again."""
    file = agency.directory(SLUG) / "settings.env"
    assert file.read_text() != settings
    file.write_text(settings)
    agency.stop(SLUG)
    agency.start_again(SLUG)


def test_what_tracking_needs_and_who_chats(agency: Agency, client: str) -> None:
    tracking, chat = "variables for tracking", "chat of one token"
    made = (agency.directory(client) / "settings.env").read_text()
    restarted_with(agency, made.replace(f'EXTERNAL_USER="{client}-001"', 'EXTERNAL_USER="somebody-001"'))
    assert diagnosed(agency, "-e", "paid_test=true").rc == 2
    restarted_with(agency, made)
    assert set(checks(agency, "failed")) == {tracking, chat}
    assert "somebody-001_user_" in checks(agency, "failed")[chat]["cause"]
    NAMED.add("one of mAI's three variables is another's", tracking)
    NAMED.add("mAI chats under another user (only with paid_test)", chat)


def test_without_openrouter(agency: Agency, client: str) -> None:
    agency.control.fault(kind="status", status=500, method="*", times=None)
    result = diagnosed(agency, "-e", "fail_on_unknown=true")
    assert (result.rc, checks(agency, "failed")) == (2, {}), result.output
    assert {"provisioning key", "credits", "key exists", "models"} <= set(checks(agency, "unknown"))
    assert {"instance up", "organisation", "key saved in Open WebUI"} <= set(checks(agency, "ok"))


def test_without_the_machine_and_before_the_onboarding(agency: Agency) -> None:
    away = agency.client("far-away", ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    new = agency.client("newcomer")
    agency.control.plant_keys([f"client-{away}"])
    result = diagnosed(agency, client=f"{away},{new}")
    # Which was made without one
    assert set(checks(agency, "failed", away)) == {"limit as ordered"}, result.output
    assert {"instance up", "organisation", "disk"} <= set(checks(agency, "unknown", away))
    assert {"provisioning key", "credits", "key exists"} <= set(checks(agency, "ok", away))
    found = checks(agency, "failed", new)
    assert result.rc == 2 and set(found) == {"key exists", "onboarded"}
    assert "playbooks/onboard_client.yml -e client=newcomer" in found["onboarded"]["remedy"]
