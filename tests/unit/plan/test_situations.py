# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of situations: what a run does where one thing differs, and that it does nothing where nothing does."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Files, Observed, plan
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import Situation

from tests.unit.plan.situations import (
    API,
    GONE,
    IMAGE,
    KEY,
    NATIVE,
    NEW_IMAGE,
    NOW,
    OLD,
    OLDER,
    OTHER,
    PUBLISHED,
    TEMPLATES,
    account_key,
    changed,
    client,
    converged,
    nothing,
    organization,
    planned,
)

KINDS = {
    "docker": {},
    "docker, published": PUBLISHED,
    "docker, other proxy": {**PUBLISHED, "mai_proxy": "none"},
    "docker, no limit": {"mai_monthly_limit": None},
    "unit": NATIVE,
    "process": {**NATIVE, "mai_native_service": "process"},
    "unit, published": {**NATIVE, **PUBLISHED},
}
PROXY = "https://proxy.example.com/v1"
CONFIGURATION = "containers/0/labels/mai.clients.configuration"


def keys_of(variables: t.Mapping[str, t.Any]) -> list:
    without = variables["mai_monthly_limit"] is None
    return [account_key(limit=None, limit_reset=None)] if without else [account_key()]


def as_it_is(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    seen = converged(variables)
    if variables["mai_monthly_limit"] is None:
        seen = changed(seen, {"database/organizations/0/monthly_limit": None})
        record = planned(variables, seen, keys_of(variables))["plan"]["record"]["text"]
        seen["files"]["HANDOVER.md"]["sha256"] = sha256(record)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_done_where_nothing_differs(kind):
    variables = client(**KINDS[kind])
    found = planned(variables, as_it_is(variables), keys_of(variables))
    assert found["plan"]["changes"] == []
    assert found["plan"]["instance"]["why"] == []
    assert not found["plan"]["machine"]["due"] and not found["plan"]["proxy"]["visited"]
    assert found["plan"]["problems"] == []
    assert {check["status"] for check in found["checks"]} == {"ok"}
    assert found["key"]["hash"] == KEY


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_done_where_nothing_is_there(kind):
    variables = client(**KINDS[kind])
    found = planned(variables, nothing(), [])["plan"]
    assert [change.split(" (")[0] for change in found["changes"]] == [
        "key", "instance", "administrator", "organisation", "usage history", "hand-over",
    ]  # fmt: skip
    assert found["instance"]["why"][0] == "it is not there yet"
    assert found["instance"]["bind"] == "127.0.0.1"
    assert found["instance"]["secrets_missing"]


# What differs in the look of a client with a container → what is changed, and why the instance is started
LOOKS: dict[str, tuple[dict[str, t.Any], list[str], list[str]]] = {
    "container stopped": ({"containers/0/state": "exited"}, ["instance", "organisation"], ["it does not run"]),
    "container paused": ({"containers/0/state": "paused"}, ["instance", "organisation"], ["it does not run"]),
    "container gone": (
        {"containers": []},
        ["instance", "organisation"],
        ["it does not run", "how it is started"],
    ),
    "container of another name": (
        {"containers/0/name": "mai-other"},
        ["instance", "organisation"],
        ["it does not run", "how it is started"],
    ),
    "unhealthy": ({"health/ok": False}, ["instance", "organisation"], ["it is not healthy"]),
    "other template": ({CONFIGURATION: "x"}, ["instance", "organisation"], ["how it is started"]),
    "no label": ({CONFIGURATION: GONE}, ["instance", "organisation"], ["how it is started"]),
    "Compose file gone": (
        {"files/compose.yml": GONE},
        ["instance", "organisation"],
        ["it is not there yet"],
    ),
    "key of the environment is old": (
        {"environment/OPENAI_API_KEY": OLD},
        ["instance", "organisation"],
        ["key"],
    ),
    "no key in the environment": ({"environment/OPENAI_API_KEY": GONE}, ["instance", "organisation"], ["key"]),
    "old key in an environment that nobody reads": (
        {"environment/OPENAI_API_KEY": OLD, "database/tracks_usage": False},
        [],
        [],
    ),
    "old key in the environment of an older release": (
        {"environment/OPENAI_API_KEY": OLD, "database/tracks_usage": False, "stored_connection/form": "blob"},
        ["instance", "organisation"],
        ["key"],
    ),
    "old key in the environment, no saved connection": (
        {"environment/OPENAI_API_KEY": OLD, "database/tracks_usage": False, "stored_connection/connections": []},
        ["instance", "organisation"],
        ["key"],
    ),
    "other image, with data": ({"image/id": NEW_IMAGE}, [], []),
    "other image, without data": (
        {"image/id": NEW_IMAGE, "database/exists": False},
        ["instance", "organisation"],
        ["image"],
    ),
    "secrets gone": ({"files/secrets.env": GONE}, ["instance"], []),
    "password gone": ({"files/admin.env": GONE}, ["instance"], []),
    "directory open": ({"directory/mode": "0755"}, ["directory"], []),
    "no mark": ({"directory/managed": False}, ["directory"], []),
    "image gone": ({"image/present": False, "image/id": IMAGE}, ["machine"], []),
    "engine gone": ({"docker/engine": None}, ["machine"], []),
    "Compose gone": ({"docker/compose": None}, ["machine"], []),
    "key file readable": ({"files/api_key.env/mode": "0644"}, ["key"], []),
    "one variable of the key is another": ({"key_variables/OPENROUTER_API_KEY": OLD}, ["key"], []),
    "one variable of the key is missing": ({"key_variables/OPENROUTER_API_KEY": GONE}, ["key"], []),
    "key file gone": ({"files/api_key.env": GONE, "key_hash": None, "key_variables": {}}, ["key"], []),
    "key that OpenRouter does not list": (
        {"key_hash": OTHER, "key_variables": {"OPENAI_API_KEY": OTHER, "OPENROUTER_API_KEY": OTHER}},
        ["key"],
        [],
    ),
    "saved key is old": (
        {"stored_connection/connections/0/key_hash": OLD, "former_key_hashes": [OLD]},
        ["key saved in Open WebUI"],
        [],
    ),
    "saved key is somebody's": (
        {"stored_connection/connections/0/key_hash": OTHER},
        ["key saved in Open WebUI"],
        [],
    ),
    "saved URL is another": (
        {"stored_connection/connections/0": {"url": PROXY, "url_hash": sha256(PROXY), "key_hash": KEY}},
        ["key saved in Open WebUI"],
        [],
    ),
    "another connection besides": (
        {
            "stored_connection/connections": [
                {"url": API, "url_hash": sha256(API), "key_hash": KEY},
                {"url": "http://ollama:11434", "url_hash": None, "key_hash": None},
            ]
        },
        [],
        [],
    ),
    "no connection saved": ({"stored_connection/connections": []}, [], []),
    "no table config": ({"stored_connection": {"form": "none", "connections": []}}, [], []),
    "no organisation": ({"database/organizations": []}, ["organisation"], []),
    "two organisations": (
        {"database/organizations": [organization(client()), {**organization(client()), "id": "x"}]},
        ["organisation"],
        [],
    ),
    "hand-over gone": ({"files/HANDOVER.md": GONE}, ["hand-over"], []),
    "hand-over changed by hand": ({"files/HANDOVER.md/sha256": OLD}, ["hand-over"], []),
    "limit of the environment is old": (
        {"settings/MONTHLY_LIMIT": sha256("100"), "environment/MONTHLY_LIMIT": sha256("100")},
        [],
        [],
    ),
    "a release without accounts": ({"database/users": None, "health/onboarding": None}, [], []),
    "people unknown, database locked": (
        {"database/users": None, "database/error": "locked", "health/onboarding": False},
        [],
        [],
    ),
}
for _field, _value in {
    "name": "Old name",
    "key_hash": OLD,
    "markup_rate": 1.5,
    "monthly_limit": 100.0,
    "billing_email": "old@companyabc.com",
    "is_active": False,
    "id": "other-001",
}.items():
    LOOKS[f"organisation with another {_field}"] = (
        {f"database/organizations/0/{_field}": _value},
        ["organisation"],
        [],
    )


LOOKS["users who came later"] = (
    {"database/tracking": {"users_not_mapped": None, "users_not_members": 2}},
    ["organisation"],
    [],
)


def chapters(found: t.Mapping[str, t.Any]) -> list[str]:
    return [change.split(" (")[0] for change in found["changes"]]


@pytest.mark.parametrize("name", LOOKS)
def test_what_differs_is_done_and_nothing_else(name):
    changes, expected, why = LOOKS[name]
    found = planned(client(), changed(converged(client()), changes))["plan"]
    assert chapters(found) == expected
    assert found["instance"]["why"] == why
    assert found["instance"]["due"] == bool(why)


@pytest.mark.parametrize("name", LOOKS)
def test_of_a_suspended_client_no_instance_is_started(name):
    changes = LOOKS[name][0]
    found = planned(client(), changed(converged(client()), changes), [account_key(disabled=True)])["plan"]
    assert found["suspended"]
    assert not found["instance"]["due"]
    assert not found["instance"]["administrator_due"]
    assert not found["instance"]["saved_key"]["due"]


def test_users_who_came_later_are_told_and_added():
    tracking = {"users_not_mapped": 3, "users_not_members": 2}
    found = planned(client(), changed(converged(client()), {"database/tracking": tracking}))["plan"]
    assert found["changes"] == ["organisation (users: 3 more)"]
    assert found["would"] == ["Would add 3 users to company-abc-001 in the instance's database."]


SETTINGS = sorted(converged(client(**PUBLISHED))["settings"])


@pytest.mark.parametrize("setting", [name for name in SETTINGS if name != "MONTHLY_LIMIT"])
@pytest.mark.parametrize("value", [sha256("something else"), GONE], ids=["changed", "missing"])
def test_each_setting_counts(setting, value):
    variables = client(**PUBLISHED)
    found = planned(variables, changed(converged(variables), {f"settings/{setting}": value}))["plan"]
    assert found["instance"]["why"] == [f"settings: {setting}"]
    assert f"instance ({setting})" in found["changes"]


def test_a_setting_that_is_no_longer_wanted_counts():
    found = planned(client(), changed(converged(client()), {"settings/OLD_SETTING": sha256("1")}))["plan"]
    assert found["instance"]["why"] == ["settings: OLD_SETTING"]


# A variable that was changed in the inventory → what is changed
VARIABLES: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "name": (
        {"mai_client_name": 'Żółw & Söhne "Sp. z o.o."'},
        ["instance (CLIENT_ORG_NAME, ORGANIZATION_NAME, WEBUI_NAME)", "organisation", "hand-over"],
    ),
    "id": ({"mai_client_id": "abc-2"}, ["instance (OPENROUTER_EXTERNAL_USER)", "organisation", "hand-over"]),
    "limit": ({"mai_monthly_limit": 750}, ["key (limit)", "organisation", "hand-over"]),
    "limit as text": ({"mai_monthly_limit": "500.00"}, []),
    "no limit": ({"mai_monthly_limit": None}, ["key (limit, limit_reset)", "organisation", "hand-over"]),
    "markup": (
        {"mai_markup_rate": 1.5},
        ["instance (USAGE_MARKUP_MULTIPLIER)", "organisation", "hand-over"],
    ),
    "markup as text": ({"mai_markup_rate": "1.30"}, ["hand-over"]),
    "e-mail for bills": ({"mai_billing_email": "b@companyabc.com"}, ["organisation", "hand-over"]),
    "port": ({"mai_port": 8002}, ["instance", "organisation", "hand-over"]),
    "port as text": ({"mai_port": "8001"}, []),
    "bound to loopback": ({"mai_bind_address": "127.0.0.1"}, ["instance", "organisation", "hand-over"]),
    "bound to an address": ({"mai_bind_address": "192.0.2.7"}, ["instance", "organisation"]),
    "published": (
        PUBLISHED,
        [
            "instance (CORS_ALLOW_ORIGIN, WEBUI_AUTH_COOKIE_SECURE, WEBUI_SESSION_COOKIE_SECURE, WEBUI_URL)",
            "organisation",
            "hand-over",
        ],
    ),
    "more environment": ({"mai_extra_env": {"A": "1"}}, ["instance (A)", "organisation"]),
    "environment that is nothing": ({"mai_extra_env": {"A": None}}, []),
    "memory": ({"mai_memory_limit": "2g"}, ["instance", "organisation"]),
    "processors": ({"mai_cpu_limit": 2}, ["instance", "organisation"]),
    "health path": ({"mai_health_path": "/ready"}, ["instance", "organisation"]),
    "patience": ({"mai_health_timeout": 900}, ["instance", "organisation"]),
    "no administrator": ({"mai_admin_email": None}, ["instance", "organisation", "hand-over"]),
    "other key name": ({"mai_key_name": "abc"}, ["key", "hand-over"]),
    "other API": (
        {"mai_instance_api_base_url": "https://eu.example.com/api/v1"},
        ["instance (OPENAI_API_BASE_URL)", "key saved in Open WebUI", "organisation", "hand-over"],
    ),
    "pulled always": ({"mai_image_pull": "always"}, []),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_changed_variable_changes_what_depends_on_it(name):
    changes, expected = VARIABLES[name]
    assert planned(client(**changes), converged(client()))["plan"]["changes"] == expected


# Keys at OpenRouter → whether there is anything to do, and which key is the client's
KEYS: dict[str, tuple[list, bool, str | None]] = {
    "as it should be": ([account_key()], False, KEY),
    "others besides": ([account_key(), account_key(OTHER, "client-other")], False, KEY),
    "another limit": ([account_key(limit=100.0)], True, KEY),
    "no limit": ([account_key(limit=None)], True, KEY),
    "weekly": ([account_key(limit_reset="weekly")], True, KEY),
    "suspended": ([account_key(disabled=True)], False, KEY),
    "none": ([], True, None),
    "only others": ([account_key(OTHER, "client-other")], True, None),
    "two of the name": ([account_key(), account_key(OTHER)], True, KEY),
    "another of the name": ([account_key(OTHER)], True, OTHER),
    "provisional one left behind": (
        [account_key(), account_key(OTHER, "client-company-abc ~pending-8c1f2e", usage=0.0, byok_usage=0.0)],
        True,
        KEY,
    ),
    "provisional one in use": ([account_key(KEY, "client-company-abc ~pending-8c1f2e")], True, KEY),
    "replaced one": (
        [account_key(), account_key(OLD, "client-company-abc ~retired-8c1f2e", disabled=True)],
        False,
        KEY,
    ),
    "replaced one that counts": (
        [account_key(limit=499.0), account_key(OLD, "client-company-abc ~retired-carried-8c1f2e", disabled=True)],
        False,
        KEY,
    ),
    "replaced one that no longer counts": (
        [
            account_key(limit=499.0),
            account_key(OLD, "client-company-abc ~retired-carried-8c1f2e", disabled=True, usage_monthly=0.0),
        ],
        True,
        KEY,
    ),
    "renamed by somebody": ([account_key(KEY, "client-company")], True, KEY),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_key(name):
    keys, due, key_hash = KEYS[name]
    found = planned(client(), converged(client()), keys)
    assert found["plan"]["key"]["due"] == due
    assert found["key"]["hash"] == key_hash
    assert ("key" in chapters(found["plan"])) == due


def test_a_lost_key_is_looked_for_elsewhere_only_where_it_is_lost():
    seen = changed(converged(client()), {"key_candidates": [{"where": "environment", "hash": OLD}]})
    assert planned(client(), seen)["plan"]["key"]["recover"]
    assert not planned(client(), seen)["plan"]["key"]["due"]


@pytest.mark.parametrize(
    ("variables", "administered", "bind"),
    [
        ({}, True, "0.0.0.0"),
        ({}, False, "127.0.0.1"),
        (PUBLISHED, True, "127.0.0.1"),
        (PUBLISHED, False, "127.0.0.1"),
        ({**PUBLISHED, "mai_proxy": "none"}, True, "0.0.0.0"),
        ({"mai_bind_address": "192.0.2.7"}, True, "192.0.2.7"),
        ({"mai_bind_address": "192.0.2.7"}, False, "127.0.0.1"),
        ({**PUBLISHED, "mai_bind_address": "192.0.2.7"}, True, "192.0.2.7"),
    ],
)
def test_nobody_else_reaches_an_instance_before_it_has_an_administrator(variables, administered, bind):
    wanted = client(**variables)
    found = planned(wanted, converged(wanted), administered=administered)["plan"]["instance"]
    assert found["bind"] == bind
    assert found["local_url"] == f"http://{'127.0.0.1' if bind == '0.0.0.0' else bind}:8001"


def test_sign_up_is_open_only_where_a_run_asks_for_it():
    found = planned(client(), converged(client()), administered=False, open_signup=True)["plan"]["instance"]
    assert found["settings_differ"] == ["ENABLE_SIGNUP"]
    assert found["bind"] == "127.0.0.1"


def test_only_an_upgrade_gives_an_instance_with_data_another_image():
    seen = changed(converged(client()), {"image/id": NEW_IMAGE})
    kept = planned(client(), seen)["plan"]
    assert kept["instance"]["image"] == IMAGE
    assert "image differs from the inventory: run upgrade_client.yml, which backs up first" in kept["notes"]
    new = planned(client(), seen, new_image=True)["plan"]
    assert new["instance"]["image"] == "mai:1.4"
    assert new["instance"]["why"] == ["image"]


LAST = "mai:1.4"
PRUNED: dict[str, t.Any] = {"containers": []}
NOTED = {**PRUNED, "last_image": {"reference": LAST, "id": IMAGE, "present": True, "user": None}}
ONLY_NAMED = {**PRUNED, "last_image": {"reference": LAST, "id": None, "present": True, "user": None}}
AWAY = {**PRUNED, "last_image": {"reference": LAST, "id": IMAGE, "present": False, "user": None}}
ABSENT = {"image/present": False, "image/id": None}
# The look, and variables → the image it is started from, the identifier that is noted, whether it differs, whether a
# run must not go on, and whether what it brings must be that image
IMAGES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], tuple[str, str | None, bool, bool, bool]]] = {
    "the same": ({}, {}, (IMAGE, IMAGE, False, False, False)),
    "a moved tag": ({"image/id": NEW_IMAGE}, {}, (IMAGE, IMAGE, True, False, False)),
    "pulled always": ({}, {"mai_image_pull": "always"}, (IMAGE, IMAGE, False, False, False)),
    "the container is gone": (NOTED, {}, (IMAGE, IMAGE, False, False, False)),
    "gone, and the tag has moved": ({**NOTED, "image/id": NEW_IMAGE}, {}, (IMAGE, IMAGE, True, False, False)),
    "gone, and pulled always": (NOTED, {"mai_image_pull": "always"}, (IMAGE, IMAGE, False, False, False)),
    "gone, and the inventory names another": (
        {**NOTED, "image/id": NEW_IMAGE},
        {"mai_image": "mai:1.5"},
        (IMAGE, IMAGE, True, False, False),
    ),
    "gone, noted by name, and the inventory names another": (
        {**ONLY_NAMED, "image/id": NEW_IMAGE},
        {"mai_image": "mai:1.5"},
        (LAST, None, True, False, False),
    ),
    "gone, and noted by name": (ONLY_NAMED, {}, (LAST, None, False, False, False)),
    "gone with its image, and the tag has moved": (
        {**AWAY, "image/id": NEW_IMAGE},
        {},
        (IMAGE, IMAGE, True, True, True),
    ),
    "gone with its image, which may come again": ({**AWAY, **ABSENT}, {}, (IMAGE, IMAGE, True, False, True)),
    "gone with its image, and the inventory names another": (
        {**AWAY, **ABSENT},
        {"mai_image": "mai:1.5"},
        (IMAGE, IMAGE, True, True, True),
    ),
    "gone with its image, noted by name": (
        {**PRUNED, **ABSENT, "last_image": {"reference": LAST, "id": None, "present": False}},
        {},
        (LAST, None, False, False, False),
    ),
    "gone without data": (
        {**NOTED, "image/id": NEW_IMAGE, "database/exists": False},
        {},
        (LAST, None, True, False, False),
    ),
    "nothing of it is known": ({**PRUNED, "last_image": None}, {}, (LAST, None, False, False, False)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_data_goes_on_with_the_image_that_it_was_last_used_with(name):
    differences, variables, expected = IMAGES[name]
    found = planned(client(**variables), changed(converged(client()), differences))["plan"]
    parts = found["instance"]
    stands = [problem for problem in found["problems"] if "not on the machine any more" in problem]
    assert (
        parts["image"],
        parts["image_id"],
        parts["image_differs"],
        bool(stands),
        bool(parts["image_gone"]),
    ) == expected
    assert parts["keeps_image"] == (expected[2] and "without data" not in name)
    if stands:
        assert "upgrade_client.yml -e client=company-abc" in stands[0] and LAST in stands[0]


STOPPED = {"containers/0/state": "exited", "health/ok": False}
NUMBERED = {"image/user": "1000", "last_image/user": "1000"}
# What differs, and variables → whether the data is to be given to somebody before the instance starts
DATA_OWNERS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], bool]] = {
    "an image of root's": (STOPPED, {}, False),
    "an image of somebody's": ({**STOPPED, **NUMBERED}, {}, True),
    "nothing is due": (NUMBERED, {}, False),
    "an image that is yet to come": ({**PRUNED, **ABSENT, "last_image": None, "database/exists": False}, {}, True),
    "an image that may come anew": (
        {**PRUNED, "last_image": None, "database/exists": False},
        {"mai_image_pull": "always"},
        True,
    ),
    "the operator makes it somebody's": (STOPPED, {"mai_compose_extra": {"service": {"user": 1000}}}, True),
    "the operator makes it root's": (
        {**STOPPED, **NUMBERED},
        {"mai_compose_extra": {"service": {"user": "0:0"}}},
        False,
    ),
    "it keeps an image of root's": (
        {**STOPPED, **NUMBERED, "image/id": NEW_IMAGE, "last_image/user": None},
        {},
        False,
    ),
    "it keeps an image of somebody's": ({**STOPPED, "image/id": NEW_IMAGE, "last_image/user": "mai"}, {}, True),
    "it has no image": ({"health/ok": False}, {"mai_deployment": "native"}, True),
    "it has no image, and is root's": (
        {"health/ok": False},
        {"mai_deployment": "native", "mai_native_user": "root"},
        False,
    ),
}


@pytest.mark.parametrize("name", DATA_OWNERS)
def test_whose_the_data_is_matters_where_the_instance_is_not_root(name):
    differences, variables, expected = DATA_OWNERS[name]
    wanted = client(**variables)
    found = planned(wanted, changed(converged(wanted), differences))["plan"]["instance"]
    assert found["data_owner_due"] is expected


NO_ACCOUNTS = {"health/accounts": False, "health/onboarding": None}
# What is seen → whether people may reach it
ADMINISTERED: dict[str, tuple[dict[str, t.Any], bool]] = {
    "people": ({}, True),
    "nobody yet": ({"database/users": 0, "health/onboarding": True}, False),
    "no accounts, and no table of them": ({**NO_ACCOUNTS, "database/users": None}, True),
    "no accounts, and an empty table of them": ({**NO_ACCOUNTS, "database/users": 0}, True),
    "accounts, but /api/config has a fault": (
        {"health/accounts": None, "health/onboarding": None, "database/users": 0},
        False,
    ),
    "no accounts, and not up": ({**NO_ACCOUNTS, "database/users": None, "health/ok": False}, False),
}


@pytest.mark.parametrize("name", ADMINISTERED)
def test_who_has_no_accounts_needs_no_administrator(name):
    differences, expected = ADMINISTERED[name]
    found = planned(client(), changed(converged(client()), differences))["plan"]
    assert found["instance"]["administered"] is expected
    assert ("instance_for_people" in found) is not expected


def test_only_keys_that_were_ours_are_replaced_in_open_webui():
    seen = changed(
        converged(client()),
        {
            "stored_connection/connections/0/key_hash": OLDER,
            "former_key_hashes": [OLDER, OLD],
            "settings/OPENAI_API_BASE_URL": sha256("https://old.example.com"),
        },
    )
    saved = planned(client(), seen, former_keys=(OTHER, KEY))["plan"]["instance"]["saved_key"]
    assert saved["replaces"] == [OTHER, OLDER, OLD]
    assert saved["held"] == [OLDER]
    assert saved["replaces_urls"] == [sha256("https://old.example.com")]


@pytest.mark.parametrize("asked", [API, f"{API}/"])
@pytest.mark.parametrize("saved", [API, f"{API}/"])
@pytest.mark.parametrize("given", [API, f"{API}/"])
def test_a_slash_at_the_end_of_the_saved_url_makes_no_difference(asked, saved, given):
    seen = changed(
        converged(client()),
        {
            "stored_connection/connections/0": {"url": saved, "url_hash": sha256(saved), "key_hash": KEY},
            "settings/OPENAI_API_BASE_URL": sha256(given),
        },
    )
    found = planned(client(mai_instance_api_base_url=asked), seen)
    assert not found["plan"]["instance"]["saved_key"]["due"]
    assert found["plan"]["instance"]["saved_key"]["replaces_urls"] == []
    assert {check["status"] for check in found["checks"]} == {"ok"}


def test_a_saved_url_that_is_not_shown_whole_is_not_the_clients():
    seen = changed(converged(client()), {"stored_connection/connections/0/url_hash": None})
    assert planned(client(), seen)["plan"]["instance"]["saved_key"]["due"]


@pytest.mark.parametrize(
    ("engine", "compose", "intervals"),
    [
        ("26.1.5+dfsg1", "2.26.1-4", {"interval": 60, "start_interval": 5}),
        ("25.0.0", "2.20.2", {"interval": 60, "start_interval": 5}),
        ("24.0.9", "2.26.1", {"interval": 30}),
        ("20.10.24+dfsg1", "2.26.1", {"interval": 30}),
        ("26.1.5", "2.20.1", {"interval": 30}),
        ("26.1.5", None, {"interval": 30}),
        (None, None, {"interval": 30}),
        (None, "2.26.1", {"interval": 30}),
        ("dev", "2.26.1", {"interval": 30}),
    ],
)
def test_an_idle_instance_is_rarely_asked(engine, compose, intervals):
    seen = changed(converged(client()), {"docker/engine": engine, "docker/compose": compose})
    assert planned(client(), seen)["plan"]["instance"]["health_intervals"] == intervals


def test_another_engine_does_not_interrupt_people():
    seen = changed(converged(client()), {"docker/engine": "20.10.24"})
    assert planned(client(), seen)["plan"]["changes"] == []


# What a machine lacks is a difference; a newer image of the same name is none, and is fetched all the same
@pytest.mark.parametrize(
    ("changes", "variables", "lacks", "due"),
    [
        ({}, {}, False, False),
        ({"docker/engine": None}, {}, True, True),
        ({"image/present": False}, {}, True, True),
        ({}, {"mai_image_pull": "always"}, False, True),
        ({"backup/restic": None}, {"mai_backup_repository": "/srv/backups"}, True, True),
    ],
)
def test_what_is_brought_to_the_machine(changes: dict, variables: dict, lacks: bool, due: bool):
    machine = planned(client(**variables), changed(converged(client()), changes))["plan"]["machine"]
    assert (machine["lacks"], machine["due"]) == (lacks, due)


def test_a_record_that_only_the_controller_lacks_is_no_difference():
    found = planned(client(), converged(client()), record=None)["plan"]
    assert found["record"]["on_controller_due"]
    assert found["changes"] == []
    assert not planned(client(), converged(client()), record=found["record"]["text"])["plan"]["record"][
        "on_controller_due"
    ]


# What is to be known after a run → the inventory, the look, the key
KEPT_BY_THE_INSTANCE = (
    "settings that the instance keeps in its database and takes no longer from the inventory, change them in its own "
    "administration: DEFAULT_USER_ROLE"
)
SUSPENDED = "the client is suspended: its key is disabled, resume it with resume_client.yml"
ROLE = {"mai_extra_env": {"DEFAULT_USER_ROLE": "user"}}
NOTES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "nothing": ({}, {}, {}, []),
    "no limit": ({"mai_monthly_limit": "none"}, {}, {"limit": None}, ["NO LIMIT is set for this client"]),
    "suspended": ({}, {}, {"disabled": True}, [SUSPENDED]),
    "a setting that the instance keeps": (
        ROLE,
        {"stored_settings/DEFAULT_USER_ROLE": sha256("pending")},
        {},
        [KEPT_BY_THE_INSTANCE],
    ),
    "a setting that it keeps, as wanted": (ROLE, {"stored_settings/DEFAULT_USER_ROLE": sha256("user")}, {}, []),
    "its address of OpenRouter": ({}, {"stored_settings/OPENAI_API_BASE_URL": sha256("https://other")}, {}, []),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_is_to_be_known(name):
    variables, changes, key, notes = NOTES[name]
    wanted = client(**variables)
    found = planned(wanted, changed(converged(wanted), changes), [account_key(**key)])["plan"]
    assert [note for note in found["notes"] if note in (*notes, KEPT_BY_THE_INSTANCE, SUSPENDED)] == notes
    assert not [note for note in found["notes"] if note not in notes and "is set for" in note]


def test_an_account_without_credit_is_noted():
    observed = {"seen": converged(client()), "keys": [account_key()], "situation": Situation()}
    for left, noted in ((0.0, True), (-1.0, True), (0.01, False)):
        found = plan(client(), Observed(credit={"left": left}, **observed), Files(TEMPLATES, None, "x.md"), now=NOW)[
            "plan"
        ]
        assert ("the OpenRouter account has no credit left: chats will fail" in found["notes"]) == noted


@pytest.mark.parametrize(
    ("bind", "machine", "asked", "shown"),
    [
        (None, "192.0.2.7", "http://127.0.0.1:8001", "http://192.0.2.7:8001"),
        ("0.0.0.0", "192.0.2.7", "http://127.0.0.1:8001", "http://192.0.2.7:8001"),
        ("127.0.0.1", "192.0.2.7", "http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("192.0.2.9", "192.0.2.7", "http://192.0.2.9:8001", "http://192.0.2.9:8001"),
        ("::", "mai-01", "http://[::1]:8001", "http://mai-01:8001"),
        ("::", "fd00::5", "http://[::1]:8001", "http://[fd00::5]:8001"),
        ("::1", "mai-01", "http://[::1]:8001", "http://[::1]:8001"),
        ("fd00::6", "mai-01", "http://[fd00::6]:8001", "http://[fd00::6]:8001"),
        # 0.0.0.0 is not reached there
        (None, "fd00::5", "http://[::1]:8001", "http://[fd00::5]:8001"),
        (None, "[fd00::5]", "http://[::1]:8001", "http://[fd00::5]:8001"),
        ("0:0:0:0:0:0:0:0", "mai-01", "http://[::1]:8001", "http://mai-01:8001"),
        ("::ffff:0.0.0.0", "mai-01", "http://127.0.0.1:8001", "http://mai-01:8001"),
        ("FD00:0::6", "mai-01", "http://[fd00::6]:8001", "http://[fd00::6]:8001"),
    ],
)
def test_addresses_of_both_families(bind, machine, asked, shown):
    variables = client(mai_bind_address=bind, machine=machine)
    found = planned(variables, converged(variables))["plan"]
    assert (found["instance"]["local_url"], found["address"]["url"]) == (asked, shown)


@pytest.mark.parametrize(
    ("bind", "machine", "told"),
    [
        ("::", "192.0.2.7", "it listens on IPv6 alone, and 192.0.2.7 is IPv4"),
        ("0.0.0.0", "fd00::5", "it listens on IPv4 alone, and fd00::5 is IPv6"),
        ("::", "mai-01", ""),
        ("::1", "192.0.2.7", ""),
        (None, "fd00::5", ""),
        ("192.0.2.9", "fd00::5", ""),
    ],
)
def test_an_address_of_the_other_family_is_told(bind, machine, told):
    variables = client(mai_bind_address=bind, machine=machine)
    notes = planned(variables, converged(variables))["plan"]["notes"]
    assert [note[: len(told)] for note in notes if "alone, and" in note] == ([told] if told else [])
