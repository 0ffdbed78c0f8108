# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new key in place of the one in use: in one task, or in two halves around a switch."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key, carried_usage, is_retired
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import check_rotation
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired, Plan, plan
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import Stored

from tests.unit.openrouter.fakes import NAME, NOW, a_key

CURRENT = a_key(NAME, "current", limit=500.0, limit_reset="monthly", usage=80.0, usage_monthly=12.5)
PENDING = a_key(f"{NAME} ~pending-aaaaaa", "pending")
CARRIED = a_key(f"{NAME} ~retired-carried-bbbbbb", "carried", usage=80.0, usage_monthly=12.5, disabled=True)
RETIRED = a_key(f"{NAME} ~retired-cccccc", "retired", usage=80.0, usage_monthly=70.0, disabled=True)
OTHER = a_key("client-other", "other")
MONTHLY = {"limit": 500.0, "limit_reset": "monthly"}
NEXT = Stored("/srv/api_key.env.next")


def holding(key: Key) -> Stored:
    return Stored("/srv/api_key.env", "d" * 64, {"OPENAI_API_KEY": key.hash})


def make(keys: t.Sequence[Key], stored: Stored | None, **desired: t.Any) -> Plan:
    return plan(Desired(**{"name": NAME, "locked": True, **desired}), keys, stored, NOW, "0a1b2c")


def steps(made: Plan) -> list[tuple[str, str | None]]:
    return [(action.kind, action.key.name if action.key else None) for action in made.actions]


def test_in_one_task_the_old_key_goes_after_the_new_one_is_stored() -> None:
    made = make([CURRENT, OTHER], holding(CURRENT), rotate=True)
    assert steps(made) == [("create", None), ("retire", NAME), ("commit", None)]
    assert made.actions[0].changes["limit"] == 500.0
    assert made.actions[1].changes == {"name": f"{NAME} ~retired-0a1b2c", "disabled": True}
    assert made.replaced == [CURRENT.hash]


def test_without_a_file_too() -> None:
    assert steps(make([CURRENT], None, rotate=True)) == [("create", None), ("retire", NAME), ("commit", None)]


def test_an_interrupted_one_is_finished_and_not_begun_again() -> None:
    made = make([CURRENT, PENDING], holding(PENDING), rotate=True)
    assert steps(made) == [("retire", NAME), ("commit", PENDING.name)]


@pytest.mark.parametrize("commit", [True, False])
def test_one_that_was_interrupted_after_the_old_key_went_is_finished(commit: bool) -> None:
    made = make([RETIRED, PENDING], holding(PENDING), rotate=True, commit=commit)
    assert steps(made) == ([("commit", PENDING.name)] if commit else [])
    assert made.key == PENDING


def test_the_first_half_leaves_the_old_key_alone() -> None:
    made = make([CURRENT], NEXT, rotate=True, commit=False)
    assert steps(made) == [("create", None)]
    assert made.key is None


def test_the_first_half_is_not_done_twice() -> None:
    made = make([CURRENT, PENDING], holding(PENDING), rotate=True, commit=False)
    assert steps(made) == []
    assert made.key == PENDING


def test_the_first_half_replaces_the_secret_of_a_key_that_is_gone() -> None:
    assert steps(make([CURRENT], holding(PENDING), rotate=True, commit=False)) == [("create", None)]


def test_the_first_half_never_takes_the_place_of_another_clients_secret() -> None:
    with pytest.raises(errors.ForeignSecret, match="client-other"):
        make([CURRENT, OTHER], holding(OTHER), rotate=True, commit=False)


def test_the_first_half_clears_up_what_an_earlier_one_left() -> None:
    assert steps(make([CURRENT, PENDING], NEXT, rotate=True, commit=False)) == [
        ("create", None),
        ("delete", PENDING.name),
    ]


def test_nothing_to_rotate_is_an_error() -> None:
    with pytest.raises(errors.NotFound, match="Nothing was changed"):
        make([OTHER], NEXT, rotate=True, commit=False)


def test_a_lost_secret_is_not_rotated_in_passing() -> None:
    with pytest.raises(errors.LostSecret):
        make([CURRENT], Stored("/srv/api_key.env"), rotate=True)


# Usage that counts on


def test_what_was_used_counts_towards_the_new_keys_limit() -> None:
    made = make([CURRENT], NEXT, rotate=True, commit=False, carry_usage=True, fields=MONTHLY)
    assert made.actions[0].changes["limit"] == 487.5


def test_the_old_keys_name_records_that() -> None:
    made = make([CURRENT, PENDING], holding(PENDING), carry_usage=True, fields=MONTHLY)
    retire, commit = made.actions
    assert retire.changes["name"] == f"{NAME} ~retired-carried-0a1b2c"
    assert commit.changes["limit"] == 487.5
    retired = CURRENT.changed(retire.changes)
    assert is_retired(retired, NAME)
    assert carried_usage([retired, RETIRED, OTHER], NAME) == 12.5


@pytest.mark.parametrize(
    ("used", "limit", "changes"),
    [
        pytest.param(12.5, 487.5, [], id="later runs keep to it"),
        pytest.param(12.509, 487.5, [], id="a cent more that came in late changes nothing"),
        pytest.param(0.0, 487.5, [{"limit": 500.0}], id="the next month has the whole limit"),
        pytest.param(12.5, 500.0, [{"limit": 487.5}], id="somebody gave back the whole limit"),
        pytest.param(700.0, 487.5, [{"limit": 0.0}], id="never below nothing"),
    ],
)
def test_later_runs(used: float, limit: float, changes: list[dict[str, float]]) -> None:
    new = CURRENT.changed({"limit": limit})
    carried = CARRIED.changed({"usage_monthly": used})
    made = make([new, carried, RETIRED], holding(new), fields=MONTHLY)
    assert [action.changes for action in made.actions] == changes


def test_no_limit_stays_none() -> None:
    new = CURRENT.changed({"limit": None})
    assert not make([new, CARRIED], holding(new), fields={"limit": None}).actions


# Options


def options(**given: t.Any) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    defaults = {
        "rotate": False,
        "commit": True,
        "carry_usage": False,
        "hash": None,
        "state": "present",
        "secret_file": None,
        "limit_reset": None,
    }
    return {**defaults, **given}, given


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"rotate": True, "hash": "ab"}, "rotate goes with name"),
        ({"rotate": True, "state": "absent"}, "rotate goes with name"),
        ({"commit": False, "secret_file": "/srv/next"}, "commit=false goes with rotate"),
        ({"commit": False, "rotate": True}, "commit=false goes with rotate"),
        ({"carry_usage": True, "limit_reset": "monthly"}, "carry_usage goes with a limit"),
        ({"carry_usage": True, "limit": 5}, "carry_usage goes with a limit"),
    ],
)
def test_what_does_not_go_together(given: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(errors.InvalidOption, match=problem):
        check_rotation(*options(**given))


def test_what_does() -> None:
    check_rotation(*options(rotate=True, commit=False, secret_file="/srv/next", limit=5, limit_reset="monthly"))
