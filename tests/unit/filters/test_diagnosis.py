# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check: ok, failed, and unknown where what it needs is missing."""

from __future__ import annotations

import copy
import re
import shlex
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.mai.clients.plugins.filter.diagnosis import CHECKS, diagnosis, diagnosis_table, plain
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

HASH, OTHER = "a" * 64, "b" * 64
URL = "https://openrouter.ai/api/v1"
GIB = 1024**3
SOON = f"{datetime.now(timezone.utc) + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
NEEDED = {"OPENROUTER_EXTERNAL_USER": sha256("abc-001"), "ORGANIZATION_NAME": sha256("ABC")}
CASE: dict[str, t.Any] = {
    "client": {
        "slug": "abc",
        "key_name": "client-abc",
        "limit": 50.0,
        "client_id": "abc-001",
        "client_name": "ABC",
        "admin_email": None,
        "api_base_url": URL,
        "same_api": True,
        "deployment": "docker",
        "service": "mai-abc",
        "directory": "/opt/mai/deployments/client-abc",
        "problems": [],
        "unreachable": False,
        "inventory": "-i inventories/production",
        "disk_gib": 1,
        "memory_mib": 256,
        "backup": {"wanted": False},
        "usage_history": {"wanted": True, "why": [], "trouble": [], "notes": [], "unit": "mai-abc-usage"},
    },
    "account": {"management_key": True, "credits": {"left": 5.0}},
    "key": {
        "name": "client-abc",
        "hash": HASH,
        "label": "sk-or-v1-abc...xyz",
        "disabled": False,
        "limit": 50.0,
        "limit_remaining": 40.0,
        "limit_reset": "monthly",
        "usage_daily": 1.0,
        "expires_at": None,
    },
    "chat": {"status": "ok", "reason": None, "external_user": "abc-001_user_12345678"},
    "seen": {
        "machine": {"memory_available_bytes": GIB},
        "docker": {"data_root_free_bytes": 9 * GIB},
        "directory": {"path": "/opt", "exists": True, "empty": False, "managed": True, "free_bytes": 9 * GIB},
        "files": {},
        "settings": {**NEEDED, "MONTHLY_LIMIT": sha256("1")},
        "environment": {**NEEDED, "OPENAI_API_KEY": HASH, "OPENROUTER_API_KEY": HASH},
        "key_hash": HASH,
        "former_key_hashes": ["c" * 64],
        "containers": [{"managed": True, "state": "running"}],
        "unit": None,
        "port": {"ours": True},
        "health": {
            "url": "http://127.0.0.1:8001/health",
            "status": 200,
            "ok": True,
            "ready": True,
            "onboarding": False,
        },
        "stored_connection": {"form": "rows", "connections": [{"url": URL, "url_hash": sha256(URL), "key_hash": HASH}]},
        "database": {
            "path": "/opt/data/webui.db",
            "exists": True,
            "error": None,
            "error_reason": None,
            "tracks_usage": True,
            "users": 1,
            "administrators": 1,
            "organizations": [{"id": "abc-001", "name": "ABC", "is_active": True, "key_hash": HASH}],
            "tracking": {
                "used_today": 1.0,
                "users_not_mapped": None,
                "users_not_members": 0,
                "provisioning_key_saved": False,
                "exchange_rate": {"date": "2026-11-26", "rate": 3.64, "source": "nbp"},
            },
        },
        "probe": {
            "key": {"ok": True, "status": 200, "reached": True, "error": None, "effective_budget": None},
            "models": {"status": "ok", "count": 3, "reason": None},
            "signup_closed": True,
        },
    },
}


def found(changes: t.Mapping[str, t.Any]) -> dict[str, dict[str, str]]:
    """The checks of a client that is as it should be, but for what is changed (by dotted path)."""
    case = copy.deepcopy(CASE)
    for path, value in changes.items():
        *parents, last = path.split(".")
        inner = case
        for name in parents:
            inner = inner[name]
        inner[last] = value
    keys = None if case["key"] is None else case.get("keys", [case["key"]])
    checks = diagnosis(case["seen"], case["client"], case["account"], keys, case["chat"])
    return {one["check"]: one for one in checks}


def test_all_as_it_should_be() -> None:
    checks = found({})
    assert list(checks) == [*CHECKS, "chat of one token"]
    assert {name: one for name, one in checks.items() if one["result"] != "ok" or one["remedy"]} == {}
    assert "chat of one token" not in found({"chat": None})


@pytest.mark.parametrize(
    ("changes", "check", "cause", "remedy"),
    [
        (
            {"account": {"management_key": False, "error": "not_a_management_key", "msg": "no"}},
            "provisioning key",
            "no",
            "export",
        ),
        ({"account.credits": {"left": -1}}, "credits", "used up", "settings/credits"),
        ({"client.problems": ["bad name"]}, "name and variables", "bad name", "--host abc"),
        ({"keys": []}, "key exists", "no key named client-abc", "onboard_client.yml -e client=abc"),
        ({"keys": [CASE["key"], {**CASE["key"], "hash": OTHER}]}, "key exists", "2 keys", "settings/keys"),
        ({"key.disabled": True}, "key enabled", "suspended", "resume_client.yml"),
        ({"key.expires_at": "2026-01-01T00:00:00Z"}, "key not expired", "expired at 2026-01-01", "rotate_key.yml"),
        ({"key.expires_at": SOON}, "key not expired", "it expires at", "rotate_key.yml"),
        ({"key.limit": 60.0}, "limit as ordered", "limit 60.00 instead of 50.00", "onboard_client.yml"),
        (
            {"key.limit_reset": "weekly"},
            "limit as ordered",
            "the limit is not monthly but weekly",
            "onboard_client.yml",
        ),
        (
            {
                "seen.probe.key.reached": False,
                "seen.probe.key.error": "Name or service not known",
                "seen.probe.models.status": "failed",
            },
            "OpenRouter from the machine",
            "though the controller does: Name or service not known",
            "onboard_client.yml",
        ),
        ({"key.limit_remaining": 0.0}, "limit not used up", "50.00 USD", "-e new_limit=100"),
        (
            {"seen.probe.key.effective_budget": {"scope": "workspace", "limit_usd": 5, "remaining_usd": 0}},
            "budgets not used up",
            "workspace, 5.00",
            "openrouter.ai",
        ),
        ({"seen.directory.managed": False}, "onboarded", "somebody else", "onboard_client.yml"),
        ({"seen.key_hash": OTHER}, "key on the machine", "api_key.env", "onboard_client.yml"),
        ({"seen.containers": []}, "instance up", "container is missing", "onboard_client.yml"),
        ({"seen.containers": [], "key.disabled": True}, "instance up", "missing", "resume_client.yml"),
        ({"seen.health.ok": False, "seen.health.status": 503}, "instance healthy", "503", "docker logs"),
        ({"seen.health.ready": False}, "instance healthy", "not ready", "docker logs"),
        ({"seen.environment.OPENAI_API_KEY": OTHER}, "environment", "OPENAI_API_KEY", "onboard_client.yml"),
        (
            {"seen.stored_connection.connections": [{"url": URL, "key_hash": OTHER}]},
            "key saved in Open WebUI",
            "not the client's",
            "stored_connection -a 'deployment_dir=/opt/",
        ),
        (
            {"seen.stored_connection.connections": [{"url": URL, "key_hash": "c" * 64}]},
            "key saved in Open WebUI",
            "not the client's",
            "onboard_client.yml",
        ),
        (
            {"seen.stored_connection.connections": [{"url": "https://x/v1", "url_hash": OTHER, "key_hash": HASH}]},
            "key saved in Open WebUI",
            "another URL",
            f"base_url={URL} replaces_urls={OTHER}'",
        ),
        (
            {"seen.database.error": "It is a link", "seen.database.error_reason": "foreign"},
            "database",
            "It is a link",
            "ls -lab /opt/mai/deployments/client-abc/data",
        ),
        (
            {"seen.database.error": "It has no end", "seen.database.error_reason": "endless"},
            "database",
            "It has no end",
            "docker logs",
        ),
        ({"seen.probe.models": {"status": "failed", "count": 0, "reason": "none"}}, "models", "none", "docker logs"),
        (
            {"seen.stored_connection.connections": [{"url": "https://x/v1", "key_hash": HASH}]},
            "address of OpenRouter",
            "https://x/v1",
            "onboard_client.yml",
        ),
        ({"seen.environment.ORGANIZATION_NAME": sha256("")}, "variables for tracking", "ORGANIZATION_NAME", "onboard"),
        ({"client.client_id": "other"}, "variables for tracking", "not other", "onboard"),
        ({"seen.database.organizations": []}, "organisation", "found: none", "onboard_client.yml"),
        ({"seen.database.tracking.users_not_mapped": 2}, "users mapped", "2 users", "client_organization"),
        ({"seen.database.tracking.users_not_members": 1}, "users members", "1 users", "id=abc-001"),
        ({"seen.database.tracking.used_today": 0.0}, "usage today", "nothing in the instance", "docker logs"),
        ({"key.usage_daily": 0.0}, "usage today", "nothing at OpenRouter", "client_info.yml"),
        ({"seen.database.tracking.exchange_rate.rate": 4.0}, "exchange rate", "built-in 4.0", "nbp.pl"),
        ({"seen.database.tracking.exchange_rate.rate": None}, "exchange rate", "2026-11-26 in the", "docker logs"),
        ({"seen.database.tracking.exchange_rate.rate": "abc"}, "exchange rate", "is no number", "docker logs"),
        (
            {"seen.database.tracking.provisioning_key_saved": True},
            "no provisioning key inside",
            "global_settings",
            "= NULL",
        ),
        ({"client.usage_history.why": ["its program"]}, "usage history", "its program", "onboard_client.yml"),
        (
            {"client.usage_history.trouble": ["it was never read"]},
            "usage history",
            "never read",
            "journalctl -n 50 -u mai-abc-usage",
        ),
        ({"seen.database.administrators": 0}, "administrator", "mai_admin_email", "onboard_client.yml"),
        (
            {"seen.database.administrators": 0, "client.admin_email": "a@abc.example"},
            "administrator",
            "a@abc.example can be",
            'UPDATE user SET role = ? WHERE email = ?\\", [\\"admin\\", \\"a@abc.example\\"]',
        ),
        ({"seen.probe.signup_closed": False}, "sign-up closed", "strangers can", "ui.enable_signup"),
        ({"seen.docker.data_root_free_bytes": 0}, "disk", "only 0.0 GiB", "df -h"),
        ({"seen.machine.memory_available_bytes": 0}, "memory", "only 0 MiB", "free -m"),
        ({"chat.external_user": None}, "chat of one token", "nobody, not under abc-001", "onboard_client.yml"),
        ({"chat": {"status": "failed", "reason": "HTTP 402"}}, "chat of one token", "402", "docker logs"),
    ],
)
def test_failed(changes: dict[str, t.Any], check: str, cause: str, remedy: str) -> None:
    one = found(changes)[check]
    assert one["result"] == "failed" and cause in one["cause"] and remedy in one["remedy"], one


def unknown(changes: t.Mapping[str, t.Any]) -> set[str]:
    checks = found(changes)
    assert not [one for one in checks.values() if one["result"] == "failed"], checks
    return {name for name, one in checks.items() if one["result"] == "unknown" and one["cause"] and not one["remedy"]}


OF_OPENROUTER = {"provisioning key", "credits", "key exists"}
OF_KEY = {
    *("key enabled", "key not expired", "limit as ordered", "limit not used up"),
    *("key on the machine", "usage today"),
}


def test_unknown_without_openrouter() -> None:
    account = {"error": "server_failed", "msg": "OpenRouter answered 500"}
    nothing = {"account": account, "key": None}
    assert unknown(nothing) == OF_OPENROUTER | OF_KEY
    probe = {"ok": False, "status": 500, "reached": False, "error": "HTTP 500", "effective_budget": None}
    models = {"status": "failed", "count": 0, "reason": "no model"}
    nothing |= {"seen.probe.key": probe, "seen.probe.models": models}
    assert unknown(nothing) == OF_OPENROUTER | OF_KEY | {
        *("OpenRouter from the machine", "budgets not used up", "models"),
    }


def test_unknown_without_the_machine() -> None:
    of_controller = {"provisioning key", "credits", "name and variables", "key exists", "key enabled"}
    of_controller |= {"key not expired", "limit as ordered", "limit not used up"}
    assert unknown({"seen": {}, "client.unreachable": True}) == {*CHECKS, "chat of one token"} - of_controller


@pytest.mark.parametrize(
    ("changes", "checks"),
    [
        ({"seen.environment": {}}, {"environment", "variables for tracking"}),
        ({"seen.probe.signup_closed": None}, {"sign-up closed"}),
        ({"seen.database.administrators": None}, {"administrator"}),
        ({"client.limit": "?"}, {"limit as ordered"}),
        ({"seen.docker.data_root_free_bytes": None, "seen.directory.free_bytes": None}, {"disk"}),
        ({"seen.machine.memory_available_bytes": None}, {"memory"}),
        ({"chat": {}}, {"chat of one token"}),
        ({"seen.database.exists": False}, {"database"}),
        (
            {
                "seen.database.tracking.used_today": 0.0,
                "seen.environment": {**CASE["seen"]["environment"], "INFLUXDB_FIRST_ENABLED": sha256("true")},
            },
            {"usage today"},
        ),
    ],
)
def test_unknown(changes: dict[str, t.Any], checks: set[str]) -> None:
    assert unknown(changes) == checks


OF_DATABASE = {
    *("key saved in Open WebUI", "address of OpenRouter", "variables for tracking", "organisation", "users mapped"),
    *("users members", "usage today", "exchange rate", "no provisioning key inside", "administrator"),
}


@pytest.mark.parametrize("reason", ["locked", "busy", "unreachable", "missing", None])
def test_unknown_without_the_database(reason: str | None) -> None:
    error = {"seen.database.error": "It is in use", "seen.database.error_reason": reason}
    assert unknown(error) == OF_DATABASE | {"database"}
    checks = found(error)
    # Said once, not ten times
    assert [name for name, one in checks.items() if "It is in use" in one["cause"]] == ["database"]
    assert "see there" in checks["organisation"]["cause"]


@pytest.mark.parametrize("reason", ["foreign", "endless", "damaged", "unreadable", "refused"])
def test_a_database_that_its_people_made_unreadable_is_one_failure(reason: str) -> None:
    checks = found({"seen.database.error": "It is odd", "seen.database.error_reason": reason})
    assert [name for name, one in checks.items() if one["result"] == "failed"] == ["database"]
    assert {name for name, one in checks.items() if one["result"] == "unknown"} == OF_DATABASE
    assert "It is odd" in checks["database"]["cause"] and checks["database"]["remedy"]


def test_plain_open_webui_counts_nothing() -> None:
    changes = {"seen.database.tracks_usage": False, "seen.database.tracking": None}
    # Its saved key counts, and after a rotation only that is the new one
    assert unknown({**changes, "seen.environment.OPENAI_API_KEY": OTHER}) == set()


def test_table() -> None:
    lines = diagnosis_table(list(found({"key.disabled": True, "chat": {}}).values())).splitlines()
    assert lines[0] == f"1 failed, 1 unknown, {len(CHECKS) - 1} ok"
    assert lines[2].split()[:3] == ["FAILED", "key", "enabled"]
    command = "ansible-playbook -i inventories/production playbooks/resume_client.yml -e client=abc"
    assert lines[3].strip() == f"> {command}"
    assert lines[4].startswith("unknown  chat of one token") and lines[5].startswith("ok       provisioning key")


# What is pasted

HOSTILE = (
    "PWNED' ; touch x ; echo '",
    'PWNED" ; touch x ; echo "',
    "PWNED`touch x`",
    "PWNED$(touch x)",
    "{{ lookup('pipe', 'touch PWNED') }}",
    "{%PWNED%}",
    "-PWNED",
    "@PWNED",
    "PWNED state=absent",
    "PWNED=1",
    "PWNED\nok  sign-up closed",
    "PWNED\\",
    "PWNED;x",
    "PWNED|x",
    "PWNED&x",
    "PWNED>x",
    "PWNED*",
    "PWNED?",
    "PWNED#",
    "~PWNED",
    "PWNED\u202e",
    "PWNED%x",
    "PWNED!x",
    "PWNED,x",
    "PWNEDż",
    "PWNED" + "x" * 500,
)
ROW = CASE["seen"]["database"]["organizations"][0]
# Where each is looked for: in the failure that it makes
PLACES: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "organisation": lambda text: {"seen.database.organizations": [ROW, {**ROW, "id": text}]},
    "the only organisation": lambda text: {"seen.database.organizations": [{**ROW, "id": text}]},
    "URL": lambda text: {"seen.stored_connection.connections": [{"url": text, "url_hash": None, "key_hash": HASH}]},
    "hash of a URL": lambda text: {
        "seen.stored_connection.connections": [{"url": "https://x/", "url_hash": text, "key_hash": HASH}]
    },
    "hash of a key": lambda text: {"seen.stored_connection.connections": [{"url": URL, "key_hash": text}]},
    "path": lambda text: {
        "seen.database.path": text,
        "client.deployment": "native",
        "seen.database.tracking.provisioning_key_saved": True,
        "seen.database.tracking.users_not_members": 1,
        "seen.probe.signup_closed": False,
    },
    "e-mail": lambda text: {"seen.database.administrators": 0, "client.admin_email": text},
    "service": lambda text: {"client.service": text, "seen.health.ready": False},
    "unit": lambda text: {
        "client.service": text,
        "client.deployment": "native",
        "seen.unit": {"exists": True},
        "seen.health.ready": False,
    },
    "directory": lambda text: {
        "client.directory": text,
        "client.deployment": "native",
        "seen.health.ready": False,
        "seen.database.error": "x",
        "seen.database.error_reason": "foreign",
    },
    "directory of the key": lambda text: {
        "client.directory": text,
        "seen.stored_connection.connections": [{"url": URL, "key_hash": OTHER}],
    },
    "address": lambda text: {
        "client.api_base_url": text,
        "seen.stored_connection.connections": [{"url": URL, "key_hash": OTHER}],
    },
    "client's id": lambda text: {
        "client.client_id": text,
        "seen.database.organizations": [{**ROW, "id": text}],
        "seen.database.tracking.users_not_members": 1,
    },
    "slug": lambda text: {
        "client.slug": text,
        "client.problems": ["x"],
        "key.disabled": True,
        "seen.database.tracking.users_not_members": 1,
        "seen.database.tracking.exchange_rate.rate": 4.0,
        "seen.machine.memory_available_bytes": 0,
        "seen.health.ready": False,
    },
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_others_is_pasted(place: str, text: str) -> None:
    checks = found(PLACES[place](text))
    remedies = [one["remedy"] for one in checks.values() if one["result"] == "failed"]
    assert remedies and all(remedies), checks
    assert not [remedy for remedy in remedies if "PWNED" in remedy or not remedy.isprintable()]
    lines = diagnosis_table(list(checks.values())).split("\n")
    assert len(lines) == 2 + len(checks) + len([one for one in checks.values() if one["remedy"]])
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_plain_is_pasted_as_it_is(place: str) -> None:
    text = f"https://{'f' * 50}.example/x.y_z:1" if place in ("address", "URL") else "Some-Thing_1.x"
    checks = found(PLACES[place](text))
    commands = [one["remedy"] for one in checks.values() if one["remedy"].startswith("ansible")]
    assert commands
    for command in commands:
        # Two shells may read it: the operator's, and of module shell, that of the machine
        words = shlex.split(command)
        assert words[0] in ("ansible", "ansible-playbook", "ansible-inventory") and "{{" not in command
        if "-m" in words and words[words.index("-m") + 1].startswith("mai.clients."):
            pairs = [word.partition("=") for word in words[words.index("-a") + 1].split()]
            assert all(re.fullmatch("[a-z_]+", name) and plain(value) for name, _is, value in pairs)
    if place not in ("URL", "hash of a URL", "directory"):
        assert any(text in command for command in commands), commands


def test_where_to_look_instead() -> None:
    odd = PLACES["organisation"]("x' ; touch PWNED ; echo '")
    assert found(odd)["organisation"]["remedy"] == (
        "see the organisations in playbooks/client_info.yml -e client=abc, and correct by hand the one that is not the "
        "client's"
    )
    assert "Settings, Connections" in found(PLACES["URL"]("x y"))["key saved in Open WebUI"]["remedy"]
    assert found({"client.service": "a b", "seen.health.ready": False})["instance healthy"]["remedy"] == (
        "see the log of its container on its machine"
    )
    # A password that the inventory has in an address is not told, either
    connection = [{"url": URL, "key_hash": OTHER}]
    with_password = {"client.api_base_url": "https://u:p@x/v1", "seen.stored_connection.connections": connection}
    assert "u:p" not in str(found(with_password))


def test_an_id_with_a_line_break_is_the_clients() -> None:
    """What was seen is as it is shown."""
    row = {**ROW, "id": "a␊b", "name": "c␊d"}
    client = {"client.client_id": "a\nb", "client.client_name": "c\nd"}
    chat = {"chat.external_user": "a␊b_user_1"}
    environment = {"seen.environment.OPENROUTER_EXTERNAL_USER": sha256("a\nb")}
    settings = {"seen.settings.OPENROUTER_EXTERNAL_USER": sha256("a\nb")}
    checks = found({**client, **chat, **environment, **settings, "seen.database.organizations": [row]})
    assert [one for one in checks.values() if one["result"] != "ok"] == []


@pytest.mark.parametrize("deployment", ["docker", "native"])
def test_no_pasted_command_opens_an_instances_database_as_root_outside_of_its_container(deployment: str) -> None:
    """A link in its place would lead root to a neighbour's; a module is confined, and so is the container."""
    broken = {"client.deployment": deployment, "seen.database.administrators": 0, "client.admin_email": "a@abc.example"}
    broken.update({"seen.database.tracking.provisioning_key_saved": True, "seen.probe.signup_closed": False})
    remedies = [one["remedy"] for one in found(broken).values() if "sqlite3" in one["remedy"]]
    assert len(remedies) == 3
    for remedy in remedies:
        assert ("docker exec mai-abc python3" in remedy) == (deployment == "docker"), remedy
        assert ("/app/backend/data/webui.db" in remedy) == (deployment == "docker"), remedy
