# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openrouter_keys: everything that is wrong is told at once, with its place in the list."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._many_keys import entries_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption


def params(*api_keys: t.Any, **more: t.Any) -> dict[str, t.Any]:
    defaults = {"concurrency": 8, "prune": False, "prune_used": False, "name_prefix": None, "pending_max_age": 3600}
    return {**defaults, "api_keys": list(api_keys), **more}


def test_what_is_asked_for_in_openrouters_terms() -> None:
    given = {
        "name": "client-ąb ć'\"$(x)",
        "limit": "12.5",
        "limit_reset": "never",
        "include_byok_in_limit": "yes",
        "expires_at": "2027-01-31T23:59:59+01:00",
        "workspace_id": "w",
        "ignore": ["limit"],
    }
    first, second, third = entries_of(
        params(given, {"name": "b", "state": "disabled"}, {"name": 7, "limit": None}, pending_max_age=9)
    )
    assert first.desired.fields == {
        "limit": 12.5,
        "limit_reset": None,
        "include_byok_in_limit": True,
        "workspace_id": "w",
    }
    assert (first.name, first.workspace, first.ignore) == (given["name"], "w", ["limit"])
    assert (first.desired.expires_at, first.desired.pending_max_age) == ("2027-01-31T22:59:59Z", 9)
    assert (second.desired.state, second.desired.fields) == ("disabled", {"disabled": True})
    assert (third.index, third.name, third.desired.fields) == (2, "7", {"limit": None})


WRONG: list[tuple[t.Any, str]] = [
    ({"name": "a", "limit": "much"}, "(a): limit must be a number"),
    ({"name": "a", "limit": -1}, "(a): limit must be a number"),
    ({"name": " a"}, "( a): name must not be empty"),
    ({"name": ""}, "(without a name): name must not be empty"),
    ({"limit": 1}, "(without a name): missing required arguments: name"),
    ({"name": None}, "(without a name)"),
    ({"name": "a ~pending-12345678"}, "this module itself gives such names"),
    ({"name": "a", "state": "gone"}, "value of state must be one of: present, disabled, absent"),
    ({"name": "a", "secret_file": "/x"}, "Unsupported options: secret_file"),
    ({"name": "a", "disabled": "perhaps"}, "(a): argument 'disabled'"),
    ({"name": "a", "ignore": ["name"]}, "ignore must be one or more of"),
    ({"name": "a", "expires_at": "tomorrow"}, "(a): expires_at must be a moment"),
    ({"name": "a", "state": "disabled", "disabled": False}, "contradict each other"),
    ({"name": "a", "state": "disabled", "ignore": ["disabled"]}, "contradict each other"),
    ("a", "must be a dictionary with the key's settings. It is of type str."),
    (None, "must be a dictionary"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_wrong_entry(wrong: t.Any, words: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        entries_of(params({"name": "right"}, wrong))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and lines[0].startswith("Nothing was done.")
    assert lines[1].startswith("- api_keys[1] (") and words in lines[1]


def test_all_wrong_entries_at_once() -> None:
    with pytest.raises(InvalidOption) as caught:
        entries_of(params(*({"name": f"n{index}", "limit": "x"} for index in range(100)), concurrency=0))
    lines = str(caught.value).splitlines()
    assert len(lines) == 102
    assert "concurrency must be from 1 to 20. It is 0." in lines[1]
    assert lines[101].startswith("- api_keys[99] (n99): limit")


def test_the_same_name_twice() -> None:
    names = ["a", "b", "a", "c", "a", "c"]
    with pytest.raises(InvalidOption) as caught:
        entries_of(params(*({"name": name} for name in names)))
    assert str(caught.value).splitlines()[1:] == [
        "- api_keys[0], api_keys[2], api_keys[4] have the same name: a. One name is one key.",
        "- api_keys[3], api_keys[5] have the same name: c. One name is one key.",
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"prune": True, "name_prefix": ""}, "name_prefix that is not empty"),
        ({"prune": True, "name_prefix": "  "}, "name_prefix that is not empty"),
        ({"prune": True, "name_prefix": "x", "api_keys": []}, "would delete every key of the prefix"),
        ({"concurrency": 21}, "from 1 to 20"),
    ],
)
def test_wrong_options(wrong: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        entries_of(params({"name": "a"}, **wrong) if "api_keys" not in wrong else params(**wrong))


def test_nothing_asked_for() -> None:
    assert entries_of(params()) == []
