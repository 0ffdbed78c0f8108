# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People are managed the same way in every release: instance_users and instance_password, as root on the machine."""

from __future__ import annotations

import functools
import json
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.modules import instance_password, instance_users

from tests.contract.instance import ADMIN, SECRET_KEY, Instance
from tests.contract.people import HOSTILE, call, passwords

Run = Callable[..., dict[str, Any]]
FIRST = {"WEBUI_ADMIN_EMAIL": ADMIN["email"], "WEBUI_ADMIN_NAME": "Admin", "WEBUI_ADMIN_PASSWORD": ADMIN["password"]}
PEOPLE = {
    "o'brien@example.com": "O'Brien \"Robert'); DROP TABLE user;--\"",
    "$home@example.com": "$(touch /tmp/x) `id` {{ 7 * 7 }}",
    "zażółć\\n@example.com": "Żółw 🐢\nMüller",
}


@pytest.fixture
def run(instance: Instance, capsys: pytest.CaptureFixture[str]) -> Run:
    (instance.folder / "secrets.env").write_text(_envfile.dump({"WEBUI_SECRET_KEY": SECRET_KEY}))
    # Who came in the same second could be the first account as well
    instance.execute('UPDATE "user" SET created_at = 1 WHERE email = ?', ADMIN["email"])

    return functools.partial(call, capsys, instance)


@pytest.fixture
def users(run: Run) -> Run:
    return lambda *people, **options: run(instance_users, users=list(people), **options)


def account(instance: Instance, email: str) -> dict[str, Any]:
    rows = instance.rows('SELECT id, name, role FROM "user" WHERE email = ?', email)
    return rows[0] if rows else {}


def fetched(command: str) -> str:
    """What an operator sees, who is root."""
    return subprocess.run(shlex.split(command)[1:], check=True, capture_output=True, text=True).stdout


def other_rows(instance: Instance, *emails: str) -> list[dict[str, Any]]:
    marks = ", ".join("?" for _email in emails)
    sql = f'SELECT id, email, name, role, updated_at FROM "user" WHERE email NOT IN ({marks}) ORDER BY id'
    return instance.rows(sql, *emails)


def test_whoever_is_listed_is_there_once_and_signs_in(instance: Instance, users: Run) -> None:
    listed = [{"email": email.upper(), "name": name} for email, name in PEOPLE.items()]
    before = other_rows(instance, *PEOPLE)
    planned = users(*listed, check=True)
    assert (planned["changed"], passwords(instance)) == (True, {})
    assert other_rows(instance) == before

    made = users(*listed)
    assert (made["changed"], made["done"]) == (True, planned["done"]), made
    assert made["diff"]["after"] == "".join(f"{email}: user\n" for email in PEOPLE)
    assert stat.S_IMODE((instance.folder / "people.json").stat().st_mode) == 0o600
    for email, name in PEOPLE.items():
        assert passwords(instance)[email] in fetched(made["passwords"][email])
        signed_in = instance.sign_in(email, passwords(instance)[email])
        assert (signed_in.status_code, signed_in.json()["role"], signed_in.json()["name"]) == (200, "user", name)
    assert other_rows(instance, *PEOPLE) == before

    again = users(*listed)
    assert (again["rc"], again["changed"], again["done"]) == (0, False, [])


def test_blocked_let_in_again_raised_lowered_and_deleted(instance: Instance, users: Run, admin: str) -> None:
    email = "moves@example.com"
    _id, token = instance.add_user(email, admin=admin)
    instance.post("/api/v1/chats/new", {"chat": {"title": "kept"}}, token)
    before = other_rows(instance, email)

    def becomes(said: str, **state: Any) -> None:
        first, second = users({"email": email, **state}), users({"email": email, **state})
        assert first["done"] == [f"{email}: {said}"], first
        assert (second["rc"], second["changed"]) == (0, False)

    becomes("blocked, with all chats kept", state="blocked")
    assert instance.get("/api/models", token).status_code == 401
    becomes("let in again, as user")
    assert instance.get("/api/models", token).status_code == 200
    assert instance.sign_in(email).status_code == 400 and instance.sign_in(email, "a-password").status_code == 200
    becomes("made administrator", role="admin")
    assert instance.get("/openai/config", token).status_code == 200
    becomes("made user", role="user")
    assert instance.get("/openai/config", token).status_code == 401
    assert [row["title"] for row in instance.rows("SELECT title FROM chat")] == ["kept"]
    refused = users({"email": email, "state": "absent"})
    assert refused["rc"] == 1 and "set delete_chats: true" in refused["msg"] and account(instance, email)
    becomes("deleted, with all chats", state="absent", delete_chats=True)
    assert (account(instance, email), instance.rows("SELECT id FROM chat")) == ({}, [])
    assert other_rows(instance, email) == before


def test_there_is_an_administrator_at_each_moment(instance: Instance, users: Run) -> None:
    for gone in ({"state": "blocked"}, {"state": "absent", "delete_chats": True}, {"role": "user"}):
        refused = users({"email": ADMIN["email"], **gone})
        assert refused["rc"] == 1 and "is the first account of the instance" in refused["msg"], refused
    assert account(instance, ADMIN["email"])["role"] == "admin"
    # One who is not the first takes over, and goes again
    assert users({"email": "deputy@example.com", "role": "admin"})["done"] == [
        "deputy@example.com: added as administrator"
    ]
    instance.execute("UPDATE \"user\" SET role = 'user' WHERE email = ?", ADMIN["email"])
    try:
        last = users({"email": "deputy@example.com", "state": "blocked"})
        assert last["rc"] == 1 and "the instance would have no administrator" in last["msg"], last
    finally:
        instance.execute("UPDATE \"user\" SET role = 'admin' WHERE email = ?", ADMIN["email"])
    assert users({"email": "deputy@example.com", "state": "absent", "delete_chats": True})["rc"] == 0
    assert "deputy@example.com" not in passwords(instance)


def test_another_administrators_address_adds_one(instance: Instance, users: Run, tmp_path: Path) -> None:
    given = tmp_path / "password"
    given.write_text(HOSTILE)
    options = {"admin_email": "New-Admin@example.com", "admin_name": "Новый", "admin_password_file": str(given)}
    made = users(**options)
    assert made["done"] == ["new-admin@example.com: added as administrator"], made
    assert not given.exists()
    assert instance.sign_in("new-admin@example.com", HOSTILE).json()["role"] == "admin"
    assert account(instance, ADMIN["email"])["role"] == "admin"


def test_a_run_that_was_killed_has_lost_no_password(instance: Instance, users: Run) -> None:
    instance.folder.joinpath("people.json").write_text(
        json.dumps({**passwords(instance), "killed@example.com": HOSTILE})
    )
    assert users({"email": "killed@example.com"})["rc"] == 0
    assert instance.sign_in("killed@example.com", HOSTILE).status_code == 200


def test_a_new_password_ends_the_sessions_and_is_fetched_by_root(
    instance: Instance, run: Run, admin: str, tmp_path: Path
) -> None:
    _id, token = instance.add_user("forgetful-1@example.com", admin=admin)
    planned = run(instance_password, email="Forgetful-1@example.com", check=True)
    assert planned["changed"] and instance.sign_in("forgetful-1@example.com", "a-password").status_code == 200

    made = run(instance_password, email="Forgetful-1@example.com")
    assert (made["rc"], made["email"], made["way"], made["proven"]) == (0, "forgetful-1@example.com", "api", True), made
    assert passwords(instance)["forgetful-1@example.com"] in fetched(made["command"])
    assert made["sessions_end"] is (instance.form == "rows")
    assert instance.get("/api/models", token).status_code == (401 if instance.form == "rows" else 200)
    assert instance.sign_in("forgetful-1@example.com", "a-password").status_code == 400

    (tmp_path / "given").write_text(HOSTILE)
    given = run(instance_password, email="forgetful-1@example.com", password_file=str(tmp_path / "given"))
    assert given["rc"] == 0 and instance.sign_in("forgetful-1@example.com", HOSTILE).status_code == 200
    (tmp_path / "long").write_text("ü" * 37)
    refused = run(instance_password, email="forgetful-1@example.com", password_file=str(tmp_path / "long"))
    assert refused["rc"] == 1 and "longer than 72 bytes" in refused["msg"] and not (tmp_path / "long").exists()
    assert passwords(instance)["forgetful-1@example.com"] == HOSTILE


def test_an_unknown_address_is_named_with_the_nearest(instance: Instance, run: Run, admin: str) -> None:
    instance.add_user("nearby@example.com", admin=admin)
    failed = run(instance_password, email="neerby@example.com")
    assert failed["rc"] == 1 and "no account of neerby@example.com: there is nearby@example.com" in failed["msg"]


def test_who_is_blocked_stays_so_with_a_new_password(instance: Instance, run: Run, users: Run, admin: str) -> None:
    instance.add_user("shut@example.com", admin=admin)
    users({"email": "shut@example.com", "state": "blocked"})
    made = run(instance_password, email="shut@example.com")
    assert (made["rc"], made["role"], made["proven"]) == (0, "pending", False), made


def test_nobody_can_sign_in(make: Callable[..., Instance], environment: dict[str, str], run: Run) -> None:
    """An administrator who forgot, one whose session is refused, and none at all."""
    own = make(**environment).start()
    own.admin()
    (own.folder / "admin.env").write_text(_envfile.dump(FIRST))
    place = {"url": own.url, "deployment_dir": str(own.folder)}
    secrets = own.folder / "secrets.env"

    def password() -> str:
        return _envfile.parse((own.folder / "admin.env").read_text())["WEBUI_ADMIN_PASSWORD"]

    secrets.write_text(_envfile.dump({"WEBUI_SECRET_KEY": SECRET_KEY}))
    made = run(instance_password, **place)
    assert (made["rc"], made["way"], made["email"]) == (0, "api", ADMIN["email"]), made
    assert own.sign_in(password=password()).status_code == 200
    assert f"WEBUI_ADMIN_PASSWORD={password()}" not in fetched(made["command"]) and password() in fetched(
        made["command"]
    )

    token = own.sign_in(password=password()).json()["token"]
    secrets.write_text(_envfile.dump({"WEBUI_SECRET_KEY": "another"}))
    made = run(instance_password, **place)
    assert (made["rc"], made["way"]) == (0, "database"), made
    assert own.sign_in(password=password()).status_code == 200
    assert own.get("/api/models", token).status_code == (401 if own.form == "rows" else 200)

    secrets.write_text(_envfile.dump({"WEBUI_SECRET_KEY": SECRET_KEY}))
    own.execute("UPDATE \"user\" SET role = 'user'")
    failed = run(instance_password, **place)
    assert failed["rc"] == 1 and "Nobody is administrator" in failed["msg"]
    failed = run(instance_password, **place, email=ADMIN["email"])
    assert failed["rc"] == 1 and "-e make_administrator=true" in failed["msg"]
    made = run(instance_password, **place, email=ADMIN["email"], make_administrator=True)
    assert (made["rc"], made["way"], made["made_administrator"], made["role"]) == (0, "api", True, "admin"), made
    assert own.sign_in(password=password()).json()["role"] == "admin"


def test_a_release_without_accounts_is_not_managed(users: Run, simulator: Any) -> None:
    left = users({"email": "somebody@example.com"}, url=simulator.url)
    assert (left["rc"], left["managed"], left["changed"]) == (0, False, False), left
