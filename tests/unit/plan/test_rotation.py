# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of a key: when it is due, what would be done, and what is said of it afterwards."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.rotation import rotation

from tests.unit.plan.situations import KEY, NOW, account_key, changed, client, converged

WHO = "Company ABC (company-abc): "
ASKED = {"older_than_days": 0, "carry_usage": False, "delete_old": False, "instance_due": False}
SEEN = converged(client())
PLAIN = changed(SEEN, {"database/tracks_usage": False})
OLDER_RELEASE = changed(PLAIN, {"stored_connection/form": "blob"})
WORKS = {"status": "ok"}


def rotated(
    keys: t.Sequence[t.Any], asked: t.Mapping[str, t.Any] | None = None, seen: t.Any = SEEN, **more: t.Any
) -> dict[str, t.Any]:
    variables = client(**{name: value for name, value in more.items() if name != "done"})
    shown = [key.shown() for key in keys]
    return rotation(seen, variables, shown, {**ASKED, **(asked or {})}, NOW, more.get("done"))


# The key in use, and what was asked → whether it is due
DUE: dict[str, tuple[list, dict[str, t.Any], bool]] = {
    "no age asked": ([account_key()], {}, True),
    "made today": ([account_key(created_at="2026-11-28T11:00:00Z")], {}, True),
    "a day short": ([account_key(created_at="2026-08-30T12:00:01Z")], {"older_than_days": 90}, False),
    "to the second": ([account_key(created_at="2026-08-30T12:00:00Z")], {"older_than_days": 90}, True),
    "with fractions and an offset": (
        [account_key(created_at="2026-08-30T14:00:00.123+02:00")],
        {"older_than_days": 90},
        True,
    ),
    "of an age that is not known": ([account_key(created_at=None)], {"older_than_days": 90}, True),
    "none": ([], {"older_than_days": 90}, True),
    "that an interrupted run made": (
        [account_key(name="client-company-abc ~pending-8c1f2e", created_at="2026-11-28T11:00:00Z")],
        {"older_than_days": 90},
        True,
    ),
    "of a neighbour's name": (
        [account_key(name="client-company-abc-de ~pending-8c1f2e", created_at="2026-11-28T11:00:00Z")],
        {"older_than_days": 90},
        False,
    ),
}


@pytest.mark.parametrize("situation", DUE)
def test_when_it_is_due(situation: str) -> None:
    keys, asked, due = DUE[situation]
    found = rotated(keys, asked)
    assert found["due"] == due
    assert found["switched"] == (situation == "that an interrupted run made")
    if not due:
        days = asked["older_than_days"]
        assert found["summary"] == [f"{WHO}the key client-company-abc is younger than {days} days, it was not rotated"]


# What differs → what would be done
WOULD: dict[str, tuple[t.Any, dict[str, t.Any], str, bool]] = {
    "mAI": (SEEN, {}, "disable", True),
    "plain Open WebUI": (PLAIN, {}, "disable", False),
    "an older release": (OLDER_RELEASE, {}, "disable", True),
    "settings differ": (PLAIN, {"instance_due": True}, "disable", True),
    "the old one goes": (PLAIN, {"delete_old": True}, "delete", False),
}


@pytest.mark.parametrize("situation", WOULD)
def test_what_would_be_done(situation: str) -> None:
    seen, asked, ends, interrupts = WOULD[situation]
    who = "people would be interrupted for some seconds" if interrupts else "nobody would be interrupted"
    assert rotated([account_key()], asked, seen)["summary"] == [
        f"{WHO}would make a new key, switch the instance to it, and {ends} the old one",
        who,
    ]


@pytest.mark.parametrize(
    ("wanted", "limit", "carried"), [(True, 500, True), (False, 500, False), (True, None, False), (True, "none", False)]
)
def test_what_is_carried_over_counts_towards_a_limit(wanted: bool, limit: t.Any, carried: bool) -> None:
    assert rotated([account_key()], {"carry_usage": wanted}, mai_monthly_limit=limit)["carry_usage"] == carried


@pytest.mark.parametrize(
    "done", [None, {"key": {"label": "sk-or-v1-970...752", "limit": 750.0}, "chat": {"status": "ok"}}]
)
@pytest.mark.parametrize(
    ("asked", "limit", "told"),
    [
        ({"delete_old": True, "carry_usage": True}, 500, True),
        ({"delete_old": True, "carry_usage": True}, None, False),
        ({"delete_old": True}, 500, False),
        ({"carry_usage": True}, 500, False),
    ],
)
def test_a_deleted_key_takes_what_was_used_on_it_along(asked: dict, limit: t.Any, told: bool, done: t.Any) -> None:
    said = rotated([account_key()], asked, mai_monthly_limit=limit, done=done)["summary"]
    assert any(line.startswith("delete_old ends what carry_usage begins") for line in said) == told


def test_a_suspended_client_is_refused() -> None:
    assert rotated([account_key()])["refusal"] == ""
    refusal = rotated([account_key(disabled=True)])["refusal"]
    assert refusal.startswith("company-abc is suspended: nobody can use its key, and a new one could not be tried.")
    assert refusal.endswith("Nothing was changed. Run resume_client.yml first.")


OLD = account_key(KEY, label="sk-or-v1-5ad...bc3", usage_monthly=41.0)
SWITCHED = account_key(KEY, name="client-company-abc ~pending-8c1f2e", usage_monthly=2.0)
NEW = {"label": "sk-or-v1-970...752", "limit": 750.0}
NOW_IS = f"{WHO}client-company-abc is now the key sk-or-v1-970...752"
ENDED = "the old key sk-or-v1-5ad...bc3 is disabled, with 41.00 USD used on it this month"
BOTH = "what can still be spent this month: 750.00 USD on the new key, so 791.00 USD this month on both"
TRIED = "tried with one token: it works"
# The old key, what was asked, and what was done → every line
DONE: dict[str, tuple[t.Any, dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "as usual": (OLD, {}, {"key": NEW, "chat": WORKS}, [NOW_IS, ENDED, BOTH, TRIED]),
    "the old one deleted": (
        OLD,
        {"delete_old": True},
        {"key": NEW, "chat": WORKS},
        [NOW_IS, ENDED.replace("disabled", "deleted"), BOTH, TRIED],
    ),
    "no limit": (
        OLD,
        {},
        {"key": {**NEW, "limit": None}, "chat": WORKS},
        [NOW_IS, ENDED, "what can still be spent this month: NO LIMIT", TRIED],
    ),
    "an interrupted run finished": (
        SWITCHED,
        {},
        {"key": NEW, "chat": WORKS},
        [
            NOW_IS,
            "the rotation that an interrupted run began is finished, and the old key is disabled",
            "what can still be spent this month: 750.00 USD on the new key",
            TRIED,
        ],
    ),
    "not tried": (OLD, {}, {"key": NEW, "chat": {}}, [NOW_IS, ENDED, BOTH, "tried with one token: unknown, not tried"]),
    "could not be tried": (
        OLD,
        {},
        {"key": NEW, "chat": {"status": "unknown", "reason": "no model"}},
        [NOW_IS, ENDED, BOTH, "tried with one token: unknown, no model"],
    ),
}


@pytest.mark.parametrize("situation", DONE)
def test_what_was_done(situation: str) -> None:
    old, asked, done, lines = DONE[situation]
    assert rotated([old], asked, done=done)["summary"] == lines


def test_what_others_wrote_is_one_line() -> None:
    done = {"key": {**NEW, "label": "a\nb"}, "chat": WORKS}
    found = rotated([account_key(label="c\nd")], done=done, mai_client_name="e\nf")["summary"]
    assert not any("\n" in line for line in found)
