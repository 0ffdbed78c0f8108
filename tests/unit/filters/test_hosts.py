# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts `-e client=…` names."""

from __future__ import annotations

import typing as t

import pytest
from ansible import context
from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.filter.hosts import hosts

GROUPS = {
    "all": ["company-abc", "northwind", "web-1"],
    "ungrouped": [],
    "mai_clients": ["company-abc", "northwind"],
    "gold": ["company-abc"],
    "web": ["web-1"],
}


@pytest.fixture(autouse=True)
def command_line(monkeypatch: pytest.MonkeyPatch):
    def given(**arguments: object) -> None:
        monkeypatch.setattr(context, "CLIARGS", arguments)

    given()
    return given


@pytest.mark.parametrize(
    ("client", "pattern"),
    [
        ("company-abc", "company-abc:&mai_clients"),
        (" company-abc , northwind ", "company-abc:northwind:&mai_clients"),
        ("gold", "gold:&mai_clients"),
        ("all", "all:&mai_clients"),
    ],
)
def test_names_become_a_pattern_within_the_clients(client: str, pattern: str) -> None:
    assert hosts(client, GROUPS) == pattern


@pytest.mark.parametrize("client", ["", " , ", None, 7])
def test_no_name_is_an_error(client: object) -> None:
    with pytest.raises(AnsibleFilterError, match="client"):
        hosts(client, GROUPS)


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ("company-abd", "Did you mean: company-abc"),
        ("nordwind", "Did you mean: northwind"),
        ("zzzzzz", "Known clients: company-abc, northwind"),
        ("web-1", "no client of group 'mai_clients' is in it"),
        ("web", "no client of group 'mai_clients' is in it"),
        ("company-abc,typo-client", "No client or group 'typo-client'"),
        ("all:!northwind", "No client or group 'all:!northwind'"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(client: str, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        hosts(client, GROUPS)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        ("northwind", False),
        ("company-abc", True),
        ("comp*", True),
        ("gold", True),
        ("all:!gold", False),
        ("all:&gold", True),
        ("~comp.*", True),
        ("~north.*", False),
        ("@retry-file", True),
    ],
)
def test_a_limit_that_leaves_nobody_is_an_error(command_line, limit: str, left: bool) -> None:
    command_line(subset=limit)
    if left:
        assert hosts("company-abc", GROUPS) == "company-abc:&mai_clients"
    else:
        with pytest.raises(AnsibleFilterError, match="leaves none"):
            hosts("company-abc", GROUPS)


@pytest.mark.parametrize("option", ["syntax", "listtags", "listtasks"])
def test_a_look_at_the_playbook_needs_no_client(command_line, option: str) -> None:
    command_line(**{option: True})
    assert hosts("", GROUPS) == "mai_clients"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tags": ("key",)}, "--tags would"),
        ({"tags": ["all", "key"]}, "--tags would"),
        ({"skip_tags": ("key",)}, "--skip-tags would"),
        ({"start_at_task": "Make the key"}, "--start-at-task would"),
        ({"step": True}, "--step would"),
        ({"tags": ["a"], "skip_tags": ["b"]}, "--tags and --skip-tags would"),
        ({"tags": ("all",), "skip_tags": (), "start_at_task": None}, ""),
        ({"tags": ["key"], "listtasks": True}, ""),
    ],
)
def test_half_a_run_is_refused(command_line, given: dict[str, t.Any], told: str) -> None:
    command_line(**given)
    if not told:
        assert hosts("company-abc", GROUPS)
        return
    with pytest.raises(AnsibleFilterError, match=told):
        hosts("company-abc", GROUPS)


def test_an_inventory_that_was_not_given_is_told_as_that() -> None:
    with pytest.raises(AnsibleFilterError, match="it was not given .*or could not be read.*360, no, null or a date"):
        hosts("acme", {"all": [], "ungrouped": []})


def test_a_name_that_is_a_client_and_a_group_of_others_is_ambiguous() -> None:
    groups = {**GROUPS, "northwind": ["company-abc", "northwind"]}
    with pytest.raises(AnsibleFilterError, match=r"is a client, and a group of 2 clients \(company-abc, northwind\)"):
        hosts("northwind", groups)
    assert hosts("company-abc", groups) == "company-abc:&mai_clients"
    # A group of the client's own machines, say, means nobody else
    assert hosts("northwind", {**GROUPS, "northwind": ["northwind"]}) == "northwind:&mai_clients"


@pytest.mark.parametrize(("name", "read"), [("no", "False"), ("Yes", "True"), ("OFF", "False"), ("true", "True")])
def test_a_name_that_the_inventorys_yaml_read_as_a_truth_value_is_told_as_that(name: str, read: str) -> None:
    groups = {"all": [read], "mai_clients": [read]}
    with pytest.raises(AnsibleFilterError, match=f"no '{name}', but a host '{read}': YAML reads {name} without quotes"):
        hosts(name, groups)


@pytest.mark.parametrize("client", [360, True, 1.5, ["company-abc"]])
def test_a_name_that_became_another_thing_on_its_way_is_told_as_that(client: object) -> None:
    with pytest.raises(AnsibleFilterError, match="reads as another thing than a name: write it in quotes"):
        hosts(client, GROUPS)
