# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first administrator, sign-up, sessions, passwords."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import bcrypt
import jwt
import pytest

from tests.contract.instance import ADMIN, SECRET_KEY, Instance

NEW = "new-password"


def admin_variables(password: str = ADMIN["password"]) -> dict[str, str]:
    return {
        "WEBUI_ADMIN_EMAIL": ADMIN["email"],
        "WEBUI_ADMIN_PASSWORD": password,
        "WEBUI_ADMIN_NAME": ADMIN["name"],
        "ENABLE_SIGNUP": "false",
    }


def session(instance: Instance, **changes: Any) -> str:
    """A session as root on the target can make it: without any password."""
    user = instance.rows('SELECT id FROM "user" WHERE email = ?', ADMIN["email"])[0]
    stamp = instance.rows("SELECT * FROM auth WHERE id = ?", user["id"])[0].get("session_stamp")
    now = int(time.time())
    claims = {
        "id": user["id"],
        "session_stamp": stamp,
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid.uuid4()),
        **changes,
    }
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, SECRET_KEY, "HS256")


@pytest.fixture(scope="module")
def signed_up(make_lasting: Callable[..., Instance]) -> tuple[Instance, str]:
    """One with sign-up open, where somebody signed up as the first, started again; and that person's token."""
    instance = make_lasting(ENABLE_SIGNUP="true").start()
    first = instance.sign_up(ADMIN["email"], ADMIN["password"])
    assert (first.status_code, first.json()["role"]) == (200, "admin")
    assert instance.sign_up("second@example.com").status_code == 403
    instance.restart()
    return instance, first.json()["token"]


# The first administrator


@pytest.mark.form("rows")
def test_the_environments_administrator_can_sign_in_and_a_later_password_does_nothing(
    make: Callable[..., Instance],
) -> None:
    instance = make(**admin_variables()).start()
    answer = instance.sign_in()
    assert answer.status_code == 200
    assert (answer.json()["role"], answer.json()["name"]) == ("admin", ADMIN["name"])
    assert instance.get("/api/v1/auths/", answer.json()["token"]).json()["email"] == ADMIN["email"]
    assert "onboarding" not in instance.get("/api/config").json()

    instance.restart(WEBUI_ADMIN_PASSWORD=NEW)
    assert instance.sign_in().status_code == 200
    assert instance.sign_in(password=NEW).status_code == 400


@pytest.mark.form("rows")
def test_a_password_over_72_bytes_makes_no_administrator_and_a_stranger_becomes_one(
    make: Callable[..., Instance],
) -> None:
    instance = make(**admin_variables("ü" * 37)).start()
    assert instance.environment["ENABLE_SIGNUP"] == "false"
    assert instance.get("/api/config").json()["onboarding"] is True
    assert instance.rows('SELECT id FROM "user"') == []
    stranger = instance.sign_up("stranger@example.com")
    assert (stranger.status_code, stranger.json()["role"]) == (200, "admin")
    assert instance.sign_up("second@example.com").status_code == 403


@pytest.mark.form("blob")
def test_0_6_ignores_the_environments_administrator(make: Callable[..., Instance]) -> None:
    instance = make(**admin_variables()).start()
    assert instance.sign_in().status_code == 400
    assert instance.get("/api/config").json()["onboarding"] is True


@pytest.mark.form("rows")
def test_the_first_sign_up_becomes_admin_whatever_enable_signup_says(make: Callable[..., Instance]) -> None:
    instance = make(ENABLE_SIGNUP="false").start()
    first = instance.sign_up(ADMIN["email"])
    assert (first.status_code, first.json()["role"]) == (200, "admin")
    assert instance.sign_up("second@example.com").status_code == 403


@pytest.mark.form("blob")
def test_0_6_refuses_even_the_first_sign_up(make: Callable[..., Instance]) -> None:
    instance = make(ENABLE_SIGNUP="false").start()
    assert instance.sign_up(ADMIN["email"]).status_code == 403
    assert instance.get("/api/config").json()["onboarding"] is True


def test_the_first_sign_up_closes_sign_up_for_good(signed_up: tuple[Instance, str]) -> None:
    instance, _token = signed_up
    assert instance.environment["ENABLE_SIGNUP"] == "true"
    assert instance.sign_up("second@example.com").status_code == 403


# Sign-up


def test_closed_sign_up_is_403_before_anything_is_validated(instance: Instance) -> None:
    for email in ("stranger@example.com", "no e-mail at all", ADMIN["email"]):
        assert instance.sign_up(email).status_code == 403


@pytest.mark.form("rows")
def test_open_sign_up_validates_and_makes_pending_users(instance: Instance) -> None:
    instance.execute("UPDATE config SET value = 'true' WHERE \"key\" = 'ui.enable_signup'")
    try:
        assert instance.sign_up("no e-mail at all").status_code == 400
        assert instance.sign_up(ADMIN["email"]).status_code == 400
        answer = instance.sign_up("stranger@example.com")
        assert (answer.status_code, answer.json()["role"]) == (200, "pending")
        assert instance.get("/api/models", answer.json()["token"]).status_code == 401
    finally:
        instance.execute("UPDATE config SET value = 'false' WHERE \"key\" = 'ui.enable_signup'")


# Sessions


def test_nothing_without_a_session(instance: Instance) -> None:
    for path in ("/api/v1/auths/", "/api/models", "/openai/config"):
        assert instance.get(path).status_code == 401
        assert instance.get(path, "no.real.token").status_code == 401


def test_wrong_credentials_are_400(instance: Instance) -> None:
    assert instance.sign_in(password="wrong").status_code == 400
    assert instance.sign_in(email="nobody@example.com").status_code == 400


def test_the_e_mail_is_found_whatever_its_case(instance: Instance) -> None:
    assert instance.sign_in(email=ADMIN["email"].upper()).status_code == 200


def test_a_session_made_from_the_secret_key_is_an_administrators(instance: Instance) -> None:
    token = session(instance)
    assert instance.get("/api/v1/auths/", token).json()["role"] == "admin"
    assert instance.models(token, refresh=True)


@pytest.mark.form("rows")
def test_such_a_session_needs_the_stamp(instance: Instance) -> None:
    assert instance.get("/api/v1/auths/", session(instance, session_stamp=None)).status_code == 401
    assert instance.get("/api/v1/auths/", session(instance, session_stamp="another")).status_code == 401


def test_such_a_session_ends(instance: Instance) -> None:
    assert instance.get("/api/v1/auths/", session(instance, exp=int(time.time()) - 10)).status_code == 401


def test_another_secret_key_ends_every_session(signed_up: tuple[Instance, str]) -> None:
    instance, token = signed_up
    assert instance.get("/api/v1/auths/", token).status_code == 200
    instance.restart(WEBUI_SECRET_KEY="6b" * 32)
    assert instance.get("/api/v1/auths/", token).status_code == 401
    assert instance.sign_in().status_code == 200


@pytest.mark.form("rows")
def test_more_than_fifteen_sign_ins_in_three_minutes_are_429(instance: Instance, admin: str) -> None:
    user = {"email": "eager@example.com", "password": "a-password", "name": "Eager", "role": "user"}
    assert instance.post("/api/v1/auths/add", user, admin).status_code == 200
    assert {instance.sign_in(user["email"], "a-password").status_code for _attempt in range(15)} == {200}
    assert instance.sign_in(user["email"], "a-password").status_code == 429
    assert instance.sign_in(email="another@example.com").status_code == 400


# Other users


def test_only_an_administrator_sees_the_connections(instance: Instance) -> None:
    _user, token = instance.add_user("user@example.com")
    assert instance.get("/openai/config", token).status_code == 401


def test_an_e_mail_can_be_added_once(instance: Instance, admin: str) -> None:
    user = {"email": "once@example.com", "password": "a-password", "name": "Once", "role": "user"}
    assert instance.post("/api/v1/auths/add", user).status_code == 401
    assert instance.post("/api/v1/auths/add", user, admin).status_code == 200
    assert instance.post("/api/v1/auths/add", user, admin).status_code == 400


def change(instance: Instance, user_id: str, token: str, **changes: Any) -> Any:
    """Up to 0.6 with everything of the account, as the instance has it."""
    row = instance.rows('SELECT name, email, role, profile_image_url FROM "user" WHERE id = ?', user_id)[0]
    body = changes if instance.form == "rows" else {**row, **changes}
    return instance.post(f"/api/v1/users/{user_id}/update", body, token)


@pytest.mark.form("blob")
def test_0_6_takes_a_change_only_with_everything_of_the_account(instance: Instance, admin: str) -> None:
    user_id, _token = instance.add_user("whole@example.com", admin=admin)
    assert instance.post(f"/api/v1/users/{user_id}/update", {"role": "admin"}, admin).status_code == 422
    assert change(instance, user_id, admin, role="admin").status_code == 200


def test_an_administrator_sets_a_password(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("forgetful@example.com")
    answer = instance.post(f"/api/v1/users/{user_id}/update", {"password": "ü" * 37}, admin)
    assert answer.status_code in ((400,) if instance.form == "rows" else (400, 422))
    assert change(instance, user_id, admin, password=NEW).status_code == 200
    assert instance.sign_in("forgetful@example.com", NEW).status_code == 200
    assert instance.sign_in("forgetful@example.com", "a-password").status_code == 400
    old_session = instance.get("/api/v1/auths/", token).status_code
    assert old_session == (401 if instance.form == "rows" else 200)


def test_an_administrator_changes_name_e_mail_and_role(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("before@example.com")
    changes = {"name": "After", "email": "after@example.com", "role": "admin"}
    assert change(instance, user_id, admin, **changes).status_code == 200
    shown = instance.get("/api/v1/auths/", token).json()
    assert {name: shown[name] for name in changes} == changes


def test_a_user_changes_the_own_password(instance: Instance) -> None:
    _user, token = instance.add_user("careful@example.com")
    wrong = {"password": "wrong", "new_password": NEW}
    assert instance.post("/api/v1/auths/update/password", wrong, token).status_code == 400
    right = {"password": "a-password", "new_password": NEW}
    assert instance.post("/api/v1/auths/update/password", right, token).status_code == 200
    assert instance.sign_in("careful@example.com", NEW).status_code == 200


def test_a_bcrypt_hash_written_into_the_table_is_the_password_at_once(instance: Instance) -> None:
    user_id, _token = instance.add_user("rescued@example.com")
    instance.execute(
        "UPDATE auth SET password = ? WHERE id = ?", bcrypt.hashpw(NEW.encode(), bcrypt.gensalt()).decode(), user_id
    )
    assert instance.sign_in("rescued@example.com", NEW).status_code == 200
    assert instance.sign_in("rescued@example.com", "a-password").status_code == 400


HOSTILE = {
    "quotes": ("o'brien@example.com", "O'Brien \"Robert'); DROP TABLE user;--\"", "pa\"ss'wo\\rd"),
    "shell": ("$home@example.com", "$(touch /tmp/x) `id` {{ 7 * 7 }}", "$HOME`id`{{ 7*7 }}%d"),
    "unicode": ("zażółć@example.com", "Żółw 🐢 Müller\nsecond line", "zażółć gęślą 🐢"),
    "longest": ("l@example.com", "N" * 200, "ü" * 36),
}


@pytest.mark.parametrize("which", list(HOSTILE))
def test_whatever_is_in_a_name_or_password_is_data(instance: Instance, admin: str, which: str) -> None:
    email, name, password = HOSTILE[which]
    person = {"email": email, "name": name, "password": password, "role": "user"}
    assert instance.post("/api/v1/auths/add", person, admin).status_code == 200
    answer = instance.sign_in(email, password)
    assert (answer.status_code, answer.json()["name"]) == (200, name)
    row = instance.rows('SELECT name, email, role FROM "user" WHERE email = ?', email)[0]
    assert row == {"name": name, "email": email, "role": "user"}


def test_who_is_blocked_gets_in_by_no_session_and_keeps_the_chats(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("blocked@example.com", admin=admin)
    chat = instance.post("/api/v1/chats/new", {"chat": {"title": "kept"}}, token)
    assert (chat.status_code, instance.get("/api/models", token).status_code) == (200, 200)
    assert change(instance, user_id, admin, role="pending").status_code == 200
    assert instance.get("/api/models", token).status_code == 401
    again = instance.sign_in("blocked@example.com", "a-password")
    if again.status_code == 200 and "token" in again.json():
        assert instance.get("/api/models", again.json()["token"]).status_code == 401
    assert instance.rows("SELECT title FROM chat WHERE user_id = ?", user_id) == [{"title": "kept"}]
    assert change(instance, user_id, admin, role="user").status_code == 200
    assert instance.sign_in("blocked@example.com", "a-password").status_code == 200


def test_who_is_deleted_is_gone_with_all_chats(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("deleted@example.com", admin=admin)
    assert instance.post("/api/v1/chats/new", {"chat": {"title": "gone"}}, token).status_code == 200
    assert instance.request("DELETE", f"/api/v1/users/{user_id}", token).status_code == 401
    answer = instance.request("DELETE", f"/api/v1/users/{user_id}", admin)
    assert (answer.status_code, answer.json()) == (200, True)
    assert instance.get("/api/models", token).status_code == 401
    for table, column in (("user", "id"), ("auth", "id"), ("chat", "user_id")):
        assert instance.rows(f'SELECT * FROM "{table}" WHERE {column} = ?', user_id) == []
    assert instance.sign_in("deleted@example.com", "a-password").status_code == 400


def test_nobody_else_touches_the_first_account(instance: Instance, admin: str) -> None:
    first = instance.rows('SELECT id FROM "user" WHERE email = ?', ADMIN["email"])[0]["id"]
    _other, other = instance.add_user("other-admin@example.com", "admin", admin=admin)
    refused = 403 if instance.form == "rows" else 500
    assert change(instance, first, other, password=NEW).status_code == refused
    assert change(instance, first, other, role="pending").status_code == refused
    assert change(instance, first, admin, role="user").status_code == refused
    for token in (admin, other):
        assert instance.request("DELETE", f"/api/v1/users/{first}", token).status_code == refused
    # But itself
    assert change(instance, first, session(instance), name=ADMIN["name"]).status_code == 200


def test_nobody_deletes_themselves(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("themself@example.com", "admin", admin=admin)
    assert instance.request("DELETE", f"/api/v1/users/{user_id}", token).status_code == 403


def test_a_role_written_into_the_table_counts_at_once(instance: Instance, admin: str) -> None:
    user_id, token = instance.add_user("raised@example.com", admin=admin)
    assert instance.get("/openai/config", token).status_code == 401
    instance.execute("UPDATE \"user\" SET role = 'admin' WHERE id = ?", user_id)
    assert instance.get("/openai/config", token).status_code == 200
