# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is to be added, blocked, let in again or deleted, and what is said of it; and what mai_users may be."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._people import decide
from ansible_collections.mai.clients.plugins.plugin_utils import _people
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Aim
from ansible_collections.mai.clients.plugins.plugin_utils._plan.foreseen import diff
from ansible_collections.mai.clients.plugins.plugin_utils._plan.obstacles import obstacle

from tests.unit.plan.situations import account_key, changed, client, converged, nothing, planned

ANNA, JAN, ADMIN = "anna@companyabc.com", "jan@companyabc.com", "admin@companyabc.com"
OTHER = "other@companyabc.com"


def person(email: str = ANNA, **fields: t.Any) -> dict[str, t.Any]:
    return {"email": email, **fields}


def account(email: str = ANNA, role: str = "user", first: bool = False) -> dict[str, t.Any]:
    return {"email": email, "role": role, "first": first}


FIRST = account(ADMIN, "admin", True)
# Listed, there → what is done, and the role after it
STEPS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any] | None, tuple[str, str | None] | None]] = {
    "new": (person(), None, ("add", "user")),
    "new administrator": (person(role="admin"), None, ("add", "admin")),
    "new and blocked": (person(state="blocked"), None, None),
    "never was": (person(state="absent"), None, None),
    "there": (person(), account(), None),
    "in another spelling": (person("Anna@CompanyABC.com"), account(), None),
    "there, with a role of its own": (person(), account(role="admin"), None),
    "to be user": (person(role="user"), account(role="admin"), ("lower", "user")),
    "to be administrator": (person(role="admin"), account(), ("raise", "admin")),
    "to be blocked": (person(state="blocked"), account(), ("block", "pending")),
    "blocked administrator": (person(state="blocked", role="admin"), account(role="admin"), ("block", "pending")),
    "blocked already": (person(state="blocked"), account(role="pending"), None),
    "let in": (person(), account(role="pending"), ("unblock", "user")),
    "let in as administrator": (person(role="admin"), account(role="pending"), ("unblock", "admin")),
    "to be deleted": (person(state="absent"), account(role="pending"), ("delete", None)),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_person(name: str) -> None:
    listed, there, expected = STEPS[name]
    steps = decide.steps(decide.wanted([listed], None, None), [there] if there else [])
    assert [(one["step"], one["role"]) for one in steps] == ([expected] if expected else [])


def test_a_name_is_what_an_account_is_made_with_and_no_more() -> None:
    made = decide.steps(decide.wanted([person(name="Anna"), person(JAN)], None, None), [])
    assert [(one["email"], one["name"]) for one in made] == [(ANNA, "Anna"), (JAN, "jan")]
    assert decide.steps(decide.wanted([person(name="Another")], None, None), [account()]) == []


def test_there_is_an_administrator_at_each_moment() -> None:
    listed = [person(state="absent"), person(JAN, state="blocked"), person("x@y.z", role="admin"), person("u@y.z")]
    found = decide.steps(decide.wanted(listed, None, None), [account(role="admin"), account(JAN, "admin")])
    assert [one["step"] for one in found] == ["add", "add", "block", "delete"]


# Listed, there, how many administrate → why not
REFUSALS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], int, str]] = {
    "the last is blocked": (person(state="blocked"), account(role="admin"), 1, "would have no administrator"),
    "the last is deleted": (person(state="absent"), account(role="admin"), 1, "would have no administrator"),
    "the last becomes user": (person(role="user"), account(role="admin"), 1, "would have no administrator"),
    "there is another": (person(state="blocked"), account(role="admin"), 2, ""),
    "nobody is, and nobody was": (person(state="blocked"), account(), 0, ""),
    "the first is blocked": (person(state="blocked"), account(role="admin", first=True), 2, "lets nobody block"),
    "the first is deleted": (person(state="absent"), account(role="admin", first=True), 2, "lets nobody delete"),
    "the first becomes user": (person(role="user"), account(role="admin", first=True), 2, "lets nobody make a user"),
    "the first is no administrator": (person(role="admin"), account(first=True), 1, "make_administrator=true"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be(name: str) -> None:
    listed, there, administrators, why = REFUSALS[name]
    refused = decide.refusal(decide.steps(decide.wanted([listed], None, None), [there]), administrators)
    assert why in refused if why else not refused


def test_who_takes_over_may_be_made_in_the_same_run() -> None:
    listed = [person(state="blocked"), person(JAN, role="admin")]
    assert not decide.refusal(decide.steps(decide.wanted(listed, None, None), [account(role="admin")]), 1)


# In the plan


def plan(users: list[t.Any], changes: dict[str, t.Any] | None = None, **variables: t.Any) -> dict[str, t.Any]:
    keys = variables.pop("keys", None)
    given = client(mai_users=users, **variables)
    return planned(given, changed(converged(given), changes or {}), keys)["plan"]


def there(*accounts: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"people/accounts": [FIRST, *accounts]}


def test_as_listed_nothing_is_due() -> None:
    found = plan([person(), person(JAN, state="blocked")], there(account(), account(JAN, "pending")))
    assert found["people"]["steps"] == [] and not found["people"]["due"] and found["changes"] == []
    assert found["people"]["notes"] == []


def test_what_differs_is_counted_said_and_shown() -> None:
    users = [person(), person(JAN, state="blocked"), person(OTHER, state="absent", delete_chats=True)]
    given = client(mai_users=users)
    seen = changed(converged(given), there(account(JAN), account(OTHER)))
    result = planned(given, seen)
    assert result["plan"]["changes"] == ["people (1 to add, 1 to block, 1 to delete)"]
    assert result["plan"]["would"] == [
        f"Would add {ANNA} as user.",
        f"Would block {JAN}, with all chats kept.",
        f"Would delete {OTHER}, with all chats.",
    ]
    assert diff(given, seen, result["key"], result["plan"], None) == [
        {
            "before_header": "people",
            "after_header": "people",
            "before": f"{ANNA}: none\n{JAN}: user\n{OTHER}: user\n",
            "after": f"{ANNA}: user\n{JAN}: pending\n{OTHER}: none\n",
        }
    ]


def test_a_long_list_is_said_in_short() -> None:
    users = [person(f"{number}@companyabc.com") for number in range(40)]
    would = plan(users)["would"]
    assert len(would) == 21 and would[-1] == "Would do so to 20 more people: 20 to add."


def test_another_administrators_address_adds_one_and_takes_nothing() -> None:
    found = plan([], {"people": {"accounts": [], "first_administrator": ADMIN}}, mai_admin_email=OTHER)
    assert [(one["email"], one["step"], one["role"]) for one in found["people"]["steps"]] == [(OTHER, "add", "admin")]
    assert f'{{"{OTHER}"' not in found["record"]["text"] and "people.json" in found["record"]["text"]
    assert "people.json" not in plan([])["record"]["text"]


def test_the_administrator_with_whom_the_instance_was_made_does_not_come_back() -> None:
    """Who has another address by now, or was sent away, is the instance's own affair; but for a list that says so."""
    gone = {"people": {"accounts": [], "first_administrator": ADMIN.upper()}}
    assert plan([], gone)["people"]["steps"] == []
    assert [one["email"] for one in plan([person(ADMIN, role="admin")], gone)["people"]["steps"]] == [ADMIN]


def test_who_is_listed_too_keeps_the_name_of_the_list() -> None:
    users = [person(OTHER.upper(), name="O.")]
    found = plan(users, {"people": {"accounts": [], "first_administrator": ADMIN}}, mai_admin_email=OTHER)
    assert [(one["email"], one["name"], one["role"]) for one in found["people"]["steps"]] == [(OTHER, "O.", "admin")]


def test_with_a_new_instance_everybody_but_its_administrator_is_added() -> None:
    given = client(mai_users=[person(), person(ADMIN, name="Boss")])
    found = planned(given, nothing(), [])["plan"]
    assert [one["email"] for one in found["people"]["steps"]] == [ANNA] and found["people"]["due"]
    assert "administrator" in found["changes"] and "people (1 to add)" in found["changes"]


NOBODY = {"database/administrators": 0, "people/accounts": [account(ADMIN, "user", True)]}
# What was seen, what else → what is said, and nothing is done
WAITING: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "suspended": ({}, {"keys": [account_key(disabled=True)]}, "they wait until the client is resumed"),
    "no accounts": ({"health/accounts": False}, {}, "this release has no accounts: mai_users is not managed"),
    "not readable": (
        {"database/error": "locked", "database/error_reason": "locked"},
        {},
        "whether its people are as listed is not known: its database could not be read",
    ),
    "nobody administers it": (NOBODY, {"mai_admin_email": None}, "nobody is administrator any more"),
}


@pytest.mark.parametrize("name", WAITING)
def test_who_waits(name: str) -> None:
    changes, variables, note = WAITING[name]
    found = plan([person()], changes, **variables)
    assert not found["people"]["due"] and "people" not in found["changes_by_part"]
    assert any(note in one for one in found["notes"]), found["notes"]


def test_without_an_administrator_they_wait_for_one() -> None:
    given = client(mai_users=[person()], mai_admin_email=None)
    found = planned(given, nothing(), [])["plan"]
    assert not found["people"]["due"]
    assert any(
        "they wait until the instance has an administrator, see mai_admin_email" in one for one in found["notes"]
    )


def test_nobody_is_looked_up_for_a_client_without_a_list() -> None:
    found = plan([], {"database/error": "locked", "database/error_reason": "locked"})
    assert found["people"]["notes"] == [] and not found["people"]["due"]


def test_what_cannot_be_stops_a_run_before_anything_is_touched() -> None:
    given = client(mai_users=[person(state="blocked")], mai_admin_email=None)
    seen = changed(converged(given), {"people/accounts": [account(role="admin")]})
    result = planned(given, seen)
    sentence = obstacle({"people"}, given, seen, result["plan"], [])
    assert sentence.startswith("company-abc was not touched: without anna@companyabc.com the instance would have no")
    assert "people" not in result["plan"]["changes_by_part"]
    assert obstacle({"people"}, client(), converged(client()), planned(client(), converged(client()))["plan"], []) == ""


TRACKING = {"used_today": None, "users_not_mapped": 0, "users_not_members": None, "users_gone": 0}


def test_lines_of_the_organisation_follow_those_who_come_and_go() -> None:
    tracked = {**there(), "database/tracking": TRACKING}
    assert [part.partition(" ")[0] for part in plan([person()], tracked)["changes"]] == ["people", "organisation"]
    blocked = {**there(account()), "database/tracking": TRACKING}
    assert plan([person(state="blocked")], blocked)["changes"] == ["people (1 to block)"]
    gone = plan([], {"database/tracking": {**TRACKING, "users_gone": 2}})
    assert gone["changes"] == ["organisation (users: 2 gone)"]
    assert gone["would"] == ["Would take 2 users who are gone out of company-abc-001."]


def test_a_run_for_something_else_leaves_people_alone() -> None:
    given = client(mai_users=[person()])
    found = planned(given, changed(converged(given), there()), aim=Aim(parts=["key"]))["plan"]
    assert found["changes"] == [] and found["would"] == []


@pytest.mark.parametrize(
    ("users", "changes", "status", "about"),
    [
        ([], {}, None, ""),
        ([person()], there(account()), "ok", "as listed"),
        ([person()], there(), "failed", "1 to add"),
        ([person()], {"health/accounts": False}, "unknown", "no accounts"),
    ],
)
def test_the_check(users: list[t.Any], changes: dict[str, t.Any], status: str | None, about: str) -> None:
    given = client(mai_users=users)
    checks = {one["name"]: one for one in planned(given, changed(converged(given), changes))["checks"]}
    found = checks.get("people as listed")
    assert (found and found["status"]) == status and (not found or about in found["detail"])


# What mai_users may be
RIGHT: dict[str, t.Any] = {
    "none": None,
    "empty": "",
    "nobody": [],
    "everybody": [
        person(name='O\'Brien "$HOME" {{ 7*7 }}\nŻółw 🐢', role="admin"),
        person(JAN, state="blocked", role=None, name=None),
        person(OTHER, state="absent", delete_chats="yes"),
        person(ADMIN, role="admin"),
    ],
}
WRONG: dict[str, tuple[t.Any, str]] = {
    "text": ("anna@companyabc.com", "mai_users is 'anna@companyabc.com': give a list"),
    "mapping": ({ANNA: {}}, "mai_users is a mapping: give a list"),
    "addresses": ([ANNA], f"mai_users, entry 1 is '{ANNA}': give email"),
    "without": ([person(), {"name": "Jan"}], "mai_users, entry 2: email is missing"),
    "no address": ([person("anna")], "mai_users, entry 1: email is 'anna': give one e-mail address"),
    "two addresses": ([person("a@b.c, d@e.f")], "give one e-mail address"),
    "a line more": ([person("a@b.c\nd@e.f")], "entry 1: email is 'a@b.c␊d@e.f'"),
    "a number": ([person(t.cast(str, 5))], "entry 1: email is '5'"),
    "a word": (
        [person(rolle="admin")],
        f"{ANNA}: 'rolle' is none of email, name, role, state, delete_chats; did you mean",
    ),
    "a role": ([person(role="Admin")], f"{ANNA}: role is 'Admin': give one of user, admin"),
    "a list of roles": ([person(role=["admin"])], "role is a list"),
    "a state": ([person(state="disabled")], "state is 'disabled': give one of present, blocked, absent"),
    "no name": ([person(name=" ")], "name is ' ': give text of 1 to 200 characters"),
    "a long name": ([person(name="N" * 201)], "give text of 1 to 200 characters"),
    "a name of YAML": ([person(name=True)], "name is 'True': give text of 1 to 200 characters, in quotes"),
    "NUL": ([person(name="a\0b")], "name holds a NUL character"),
    "a switch": ([person(delete_chats="perhaps")], "delete_chats is 'perhaps': give true or false"),
    "gone with all chats": (
        [person(state="absent")],
        "Write state: blocked, which keeps them and lets nobody in, or add",
    ),
    "and not": ([person(state="absent", delete_chats=False)], "or add delete_chats: true"),
    "twice": ([person(), person(ANNA.upper())], f"mai_users lists {ANNA} 2 times"),
    "a user who administers": ([person(ADMIN, role="user")], f"{ADMIN}: role: user contradicts mai_admin_email"),
    "blocked who administers": ([person(ADMIN.upper(), state="blocked")], "state: blocked contradicts mai_admin_email"),
    "too many": ([person(f"{number}@b.c") for number in range(1001)], "mai_users lists 1001 people: list at most 1000"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right(name: str) -> None:
    assert list(_people.problems(RIGHT[name], ADMIN)) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_once(name: str) -> None:
    users, about = WRONG[name]
    found = list(_people.problems(users, ADMIN))
    assert len(found) == 1 and about in found[0] and "\n" not in found[0], found


def test_a_look_tells_of_the_listed_alone_whatever_was_written_there() -> None:
    users = [person(ANNA.upper()), "x", {"email": 5}, {}, person(ADMIN)]
    assert _people.addresses(client(mai_users=users)) == [ADMIN, ANNA]
    assert _people.addresses(client(mai_users="nonsense", mai_admin_email=None)) == []
