# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mai_users, and playbooks/reset_password.yml: people come, are blocked and go, and nobody else is touched."""

from __future__ import annotations

import json
import pathlib

import httpx
import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency
from tests.kit.figures import PEOPLE

RESET = "playbooks/reset_password.yml"
ANNA, OBRIEN, JAN, CLIENTS = (
    "anna@example.com",
    "o'brien$home@example.com",
    "jan@example.com",
    "the-clients@example.com",
)
NAMES = {ANNA: "Żółw 🐢\nsecond line", OBRIEN: "O'Brien \"Robert'); DROP TABLE user;--\" $(id)", JAN: "jan"}
EVERYBODY = [{"email": ANNA, "name": NAMES[ANNA]}, {"email": OBRIEN.upper(), "name": NAMES[OBRIEN]}, {"email": JAN}]
# There two braces are a template, as everywhere in an inventory
OF_INVENTORY = "żółć \"'\\ $HOME`id` %d # "
HOSTILE = "żółć \"'\\ $HOME`id` {{ 7 * 7 }} %d # "


def reset(agency: Agency, slug: str, *arguments: str, **environment: str) -> Result:
    return agency.run(slug, *arguments, playbook=RESET, **environment)


def roles(agency: Agency, slug: str) -> dict[str, str]:
    return dict(agency.query(slug, "SELECT email, role FROM user"))


def passwords(agency: Agency, slug: str) -> dict[str, str]:
    path = agency.directory(slug) / "people.json"
    return json.loads(path.read_text()) if path.exists() else {}


def members(agency: Agency, slug: str) -> set[str]:
    sql = "SELECT email FROM user_client_mapping JOIN user ON user.id = user_id WHERE client_org_id = ?"
    return {email for [email] in agency.query(slug, sql, f"{slug}-001")}


def works(agency: Agency, slug: str, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{agency.url(slug)}/api/models", headers=headers).status_code == 200


@pytest.fixture(scope="module")
def first(agency: Agency, client: str) -> tuple[Result, Result]:
    """Somebody is there who is not listed; then everybody comes, after a look, and with all there is to be seen."""
    person = {"email": CLIENTS, "password": "the client's", "name": "Own", "role": "user"}
    with agency.session(client) as api:
        api.post("/api/v1/auths/add", json=person).raise_for_status()
    agency.client(client, mai_users=EVERYBODY)
    before = roles(agency, client)
    checked = agency.onboard(client, "--check", "--diff")
    assert roles(agency, client) == before and passwords(agency, client) == {}
    return checked, agency.onboard(client, "-vvvv", "--diff", ANSIBLE_DEBUG="1")


@pytest.fixture(scope="module")
def peopled(agency: Agency, first: tuple[Result, Result]) -> Agency:
    return agency


def test_whoever_is_listed_can_sign_in_and_no_password_was_seen(
    peopled: Agency, client: str, first: tuple[Result, Result]
) -> None:
    agency, slug, (checked, added) = peopled, client, first
    assert f"Would add {ANNA} as user." in checked.said and f"+{ANNA}: user" in checked.stdout
    assert f"{ANNA}: added as user" in added.said
    assert "people.json" in added.said and (agency.directory(slug) / "people.json").stat().st_mode & 0o777 == 0o600
    known = passwords(agency, slug)
    assert set(known) == set(NAMES) and not [one for one in known.values() if one in added.output]
    for email, name in NAMES.items():
        answer = agency.sign_in(slug, email, known[email])
        assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, name, "user")
    assert members(agency, slug) == set(roles(agency, slug)) == {*NAMES, CLIENTS, "admin@example.com"}
    assert "people.json" in (agency.directory(slug) / "HANDOVER.md").read_text()

    pid = agency.pid(slug)
    agency.control.clear_journal()
    again = agency.onboard(slug)
    assert again.total("changed") == 0, again.output
    assert agency.control.writes() == [] and agency.pid(slug) == pid
    PEOPLE.add(
        "added, with first passwords", "stand-in", "each signs in; a second run changes nothing, nothing restarts"
    )


def test_a_changed_list_is_carried_out_and_nobody_else_is_touched(peopled: Agency, client: str) -> None:
    agency, known = peopled, passwords(peopled, client)
    own = agency.query(client, "SELECT * FROM user WHERE email = ?", CLIENTS)
    token = agency.sign_in(client, ANNA, known[ANNA]).json()["token"]
    assert works(agency, client, token)
    listed = [
        {"email": ANNA, "state": "blocked"},
        {"email": OBRIEN, "state": "absent", "delete_chats": True},
        {"email": JAN, "role": "admin"},
    ]
    boss = {"mai_admin_email": "new-boss@example.com", "mai_admin_password": OF_INVENTORY}
    agency.client(client, mai_users=listed, **boss)
    changed = agency.onboard(client, "-vvvv")
    for said in (f"{ANNA}: blocked, with all chats kept", f"{OBRIEN}: deleted", f"{JAN}: made administrator"):
        assert said in changed.said
    assert roles(agency, client) == {
        **{ANNA: "pending", JAN: "admin", CLIENTS: "user", "admin@example.com": "admin"},
        "new-boss@example.com": "admin",
    }
    assert not works(agency, client, token)
    assert OBRIEN not in passwords(agency, client) and members(agency, client) == set(roles(agency, client))
    assert agency.query(client, "SELECT COUNT(*) FROM user_client_mapping") == [(5,)]
    assert agency.query(client, "SELECT * FROM user WHERE email = ?", CLIENTS) == own
    # The administrator of another address, with the password of the inventory
    assert agency.sign_in(client, "new-boss@example.com", OF_INVENTORY).json()["role"] == "admin"
    assert json.dumps(OF_INVENTORY)[1:-1] not in changed.output and OF_INVENTORY not in changed.output
    assert "new-boss@example.com" in (agency.directory(client) / "HANDOVER.md").read_text()
    assert agency.onboard(client).total("changed") == 0
    PEOPLE.add(
        "blocked, deleted, made administrator, another mai_admin_email",
        "stand-in",
        "an open session ends, who is not listed is as before, rows of mAI follow",
    )


def test_a_list_that_cannot_be_is_refused_before_anything_is_touched(peopled: Agency, client: str) -> None:
    before, kept = roles(peopled, client), peopled.clients[client]["mai_users"]
    wrong = [{"email": ANNA, "state": "absent"}, {"email": "new-boss@example.com", "role": "user"}, "x"]
    peopled.client(client, mai_users=wrong)
    failed = peopled.run(client)
    peopled.client(client, mai_users=kept)
    assert failed.rc == 2 and "was not touched" in failed.said, failed.output
    for about in ("Write state: blocked, which keeps them", "contradicts mai_admin_email", "mai_users, entry 3 is 'x'"):
        assert about in failed.said
    assert roles(peopled, client) == before and failed.total("changed") == 0


def test_the_last_administrator_cannot_go(peopled: Agency, client: str) -> None:
    before, kept = roles(peopled, client), peopled.clients[client]["mai_users"]
    peopled.client(client, mai_users=[{"email": "admin@example.com", "state": "blocked"}])
    failed = peopled.run(client)
    peopled.client(client, mai_users=kept)
    assert failed.rc == 2 and "admin@example.com is the first account of the instance" in failed.said, failed.output
    assert "company-abc was not touched" in failed.said and roles(peopled, client) == before
    PEOPLE.add("the last administrator blocked", "stand-in", "refused before anything is touched")


# A new password


def test_a_new_password_for_the_administrator_and_for_somebody(peopled: Agency, client: str) -> None:
    agency, slug = peopled, client
    agency.client(slug, mai_admin_email=None, mai_admin_password=None)
    agency.onboard(slug)
    old = agency.variables(slug, "admin.env")["WEBUI_ADMIN_PASSWORD"]
    token = agency.sign_in(slug).json()["token"]
    checked = reset(agency, slug, "--check")
    assert checked.rc == 0 and "admin@example.com would get a new password" in checked.said, checked.output
    assert agency.variables(slug, "admin.env")["WEBUI_ADMIN_PASSWORD"] == old and works(agency, slug, token)

    done = reset(agency, slug, "-vvvv", ANSIBLE_DEBUG="1")
    new = agency.variables(slug, "admin.env")["WEBUI_ADMIN_PASSWORD"]
    assert done.rc == 0 and new != old and new not in done.output, done.said[-2000:]
    assert "admin@example.com has a new password. Fetch it on the machine: sudo sed" in done.said
    assert agency.sign_in(slug, password=old).status_code == 400 and agency.sign_in(slug).status_code == 200
    assert not works(agency, slug, token)

    done = reset(agency, slug, "-e", json.dumps({"email": CLIENTS}))
    assert done.rc == 0 and agency.sign_in(slug, CLIENTS, passwords(agency, slug)[CLIENTS]).status_code == 200
    # Nothing of it is a reason to change or to restart anything
    checked = agency.onboard(slug, "--check")
    assert checked.total("changed") == 0, checked.output
    PEOPLE.add(
        "a new password for the administrator and for somebody",
        "stand-in",
        "the old one and its sessions end, the new one signs in",
    )


def test_a_password_of_ones_own_comes_by_a_file_or_the_environment(
    peopled: Agency, client: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "password").write_text(HOSTILE + "\n")
    chosen = json.dumps({"email": CLIENTS, "new_password_file": str(tmp_path / "password")})
    done = reset(peopled, client, "-e", chosen, "-vvvv", ANSIBLE_DEBUG="1")
    assert done.rc == 0 and HOSTILE not in done.output and json.dumps(HOSTILE)[1:-1] not in done.output
    assert peopled.sign_in(client, CLIENTS, HOSTILE).status_code == 200
    done = reset(peopled, client, "-e", json.dumps({"email": CLIENTS}), MAI_NEW_PASSWORD="another-0ne")
    assert done.rc == 0 and peopled.sign_in(client, CLIENTS, "another-0ne").status_code == 200

    # On a command line everybody on the machine could read it
    refused = reset(peopled, client, "-e", "new_password=seen-by-all")
    assert refused.rc == 4 and "did you mean -e new_password_file=…?" in " ".join(refused.output.split())
    assert "seen-by-all" not in refused.output


def test_an_unknown_address_is_named_with_the_nearest(peopled: Agency, client: str) -> None:
    failed = reset(peopled, client, "-e", json.dumps({"email": "the-client@example.com"}))
    assert failed.rc == 2 and f"no account of the-client@example.com: there is {CLIENTS}" in failed.said
    assert not peopled.lock(client).exists()


def test_people_of_a_suspended_client_wait_and_who_was_blocked_comes_back(peopled: Agency, client: str) -> None:
    known = passwords(peopled, client)
    assert peopled.run(client, playbook="playbooks/suspend_client.yml").rc == 0
    peopled.client(client, mai_users=[{"email": ANNA, "role": "user"}])
    waits = peopled.onboard(client)
    assert "they wait until the client is resumed" in waits.said and roles(peopled, client)[ANNA] == "pending"
    assert peopled.run(client, playbook="playbooks/resume_client.yml").rc == 0
    assert f"{ANNA}: let in again, as user" in peopled.onboard(client).said
    assert peopled.sign_in(client, ANNA, known[ANNA]).status_code == 200
    PEOPLE.add("let in again, after a suspension", "stand-in", "signs in with the password of before")


def test_when_nobody_is_administrator_any_more(peopled: Agency, client: str) -> None:
    peopled.client(client, mai_admin_email=None, mai_admin_password=None)
    peopled.query(client, "UPDATE user SET role = 'user'")
    failed = reset(peopled, client)
    assert failed.rc == 2 and "run again with -e make_administrator=true" in failed.said
    done = reset(peopled, client, "-e", "make_administrator=true")
    assert done.rc == 0 and "and is administrator now" in done.said, done.output
    assert peopled.sign_in(client).json()["role"] == "admin"
    PEOPLE.add("a new password where nobody is administrator any more", "stand-in", "signs in as administrator")
