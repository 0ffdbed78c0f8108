# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client at a glance, from what machine, OpenRouter and inventory say."""

from __future__ import annotations

import copy
import csv
import io
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.filter.client_overview import (
    client_overview,
    overview_alarms,
    overview_csv,
    overview_table,
)
from ansible_collections.mai.clients.plugins.plugin_utils._client import unclaimed_keys

HASH = "a" * 64
CLIENT = {
    "slug": "company-abc",
    "name": "Company ABC",
    "machine": "mai-01",
    "port": 8001,
    "url": "https://mai-companyabc.example.org",
    "key_name": "client-company-abc",
    "limit": 500.0,
    "deployment": "docker",
    "instance": {"settings_differ": [], "image_differs": False},
    "problems": [],
    "unreachable": False,
}
KEY = {
    "name": "client-company-abc",
    "hash": HASH,
    "disabled": False,
    "limit": 500.0,
    "limit_reset": "monthly",
    "usage_monthly": 100.0,
    "last_used_at": "2026-11-24T10:00:00Z",
}
SEEN = {
    "directory": {"exists": True, "empty": False, "managed": True, "free_bytes": 20 * 1024**3},
    "health": {"ok": True},
    "port": {"ours": True},
    "containers": [{"managed": True, "state": "running", "image": "mai:1", "image_id": "sha256:1"}],
    "image": {"present": True, "id": "sha256:1"},
    "key_hash": HASH,
    "stored_connection": {"connections": [{"key_hash": HASH}]},
    "database": {"error": None, "exists": True, "organizations": [{"is_active": True, "key_hash": HASH}]},
}


def changed(values: t.Mapping[str, t.Any], path: str, value: t.Any) -> dict[str, t.Any]:
    values = copy.deepcopy(dict(values))
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return values


def row(seen: t.Any = None, keys: t.Any = (KEY,), **client: t.Any) -> dict[str, t.Any]:
    return client_overview(SEEN if seen is None else seen, {**CLIENT, **client}, keys)


def test_a_history_of_the_usage_that_lags_is_an_alarm() -> None:
    said = "the last reading of its usage is 4 days old: see journalctl -u mai-companyabc-usage on its machine"
    lags = row(usage_history={"trouble": [said]})
    assert said in lags["differs"] and overview_alarms([lags], "usage") == [f"company-abc: {said}"]
    assert overview_alarms([row()], "usage") == []


def test_what_a_replaced_key_used_is_shown_and_counts_where_it_was_carried_over() -> None:
    old = {**KEY, "hash": "b" * 64, "disabled": True, "usage_monthly": 400.0}
    restarted = row(keys=(KEY, {**old, "name": "client-company-abc ~retired-49216395"}))
    assert (restarted["limit"], restarted["used_this_month"], restarted["percent_of_limit"]) == (500.0, 500.0, 20.0)
    new = {**KEY, "limit": 100.0, "usage_monthly": 50.0}
    carried = row(keys=(new, {**old, "name": "client-company-abc ~retired-carried-49216395"}))
    assert (carried["limit"], carried["used_this_month"], carried["percent_of_limit"]) == (500.0, 450.0, 90.0)
    assert carried["differs"] == []


def test_all_as_it_should_be() -> None:
    found = row()
    assert (found["state"], found["image"], found["key_state"]) == ("up", "mai:1", "enabled")
    assert (found["used_this_month"], found["percent_of_limit"], found["differs"]) == (100.0, 20.0, [])


@pytest.mark.parametrize(
    ("seen", "keys", "client", "state"),
    [
        ({}, (KEY,), {"unreachable": True}, "unreachable"),
        ({}, (KEY,), {}, "unknown"),
        (changed(SEEN, "health.ok", False), (KEY,), {}, "unhealthy"),
        (changed(changed(changed(SEEN, "health.ok", False), "port.ours", False), "containers", []), (KEY,), {}, "down"),
        (changed(SEEN, "health.ok", False), (changed(KEY, "disabled", True),), {}, "suspended"),
        (SEEN, (changed(KEY, "disabled", True),), {}, "up, suspended"),
        (changed(SEEN, "directory", {"managed": False, "exists": False, "empty": True}), (), {}, "not onboarded"),
        (changed(SEEN, "directory", {"managed": False, "exists": True, "empty": False}), (), {}, "not ours"),
    ],
)
def test_states(seen: t.Any, keys: t.Any, client: t.Any, state: str) -> None:
    if seen:
        seen["directory"].setdefault("free_bytes", None)
    assert row(seen, keys, **client)["state"] == state


@pytest.mark.parametrize(
    ("seen", "keys", "client", "said"),
    [
        (SEEN, (), {}, "there is no key client-company-abc"),
        (SEEN, (KEY, KEY), {}, "2 keys at OpenRouter have the name"),
        (SEEN, (KEY, changed(KEY, "name", "client-company-abc ~pending-0123456789")), {}, "provisional key"),
        (SEEN, (changed(KEY, "limit", None),), {}, "limit NO LIMIT instead of 500.00"),
        (SEEN, (KEY,), {"limit": None}, "limit 500.00 instead of NO LIMIT"),
        (SEEN, (changed(KEY, "limit_reset", None),), {}, "not monthly but for good"),
        (changed(SEEN, "stored_connection.connections", [{"key_hash": "c"}]), (KEY,), {}, "saved in Open WebUI"),
        (SEEN, (KEY,), {"instance": {"settings_differ": ["BRAND"]}}, "settings: BRAND"),
        (SEEN, (KEY,), {"instance": {"image_differs": True}}, "upgrade_client.yml"),
        (changed(SEEN, "database.error", "locked"), (KEY,), {}, "cannot be read: locked"),
        (changed(SEEN, "database.organizations", "abc"), (KEY,), {}, "what the look found cannot be read (database)"),
        (SEEN, (changed(KEY, "limit", "abc"),), {}, "limit ? instead of 500.00"),
        (changed(SEEN, "database.organizations", []), (KEY,), {}, "0 organisations"),
        (
            changed(SEEN, "database.organizations", [{"is_active": True, "key_hash": "c"}]),
            (KEY,),
            {},
            "the organisation in the database has another key",
        ),
        ({}, (KEY,), {"unreachable": True}, "its machine does not answer"),
        (SEEN, (KEY,), {"problems": ["mai_port 8001 is also that of x"]}, "mai_port 8001 is also"),
    ],
)
def test_differences(seen: t.Any, keys: t.Any, client: t.Any, said: str) -> None:
    differs = row(seen, keys, **client)["differs"]
    assert len(differs) == 1 and said in differs[0]


def test_another_key_on_the_machine() -> None:
    differs = row(changed(SEEN, "key_hash", "b" * 64))["differs"]
    assert differs[0] == "the key on the machine is not the client's" and len(differs) == 3


def test_what_a_replaced_key_spent_counts() -> None:
    old = {**KEY, "name": "client-company-abc ~retired-0123456789", "usage_monthly": 50.0, "disabled": True}
    other = {**KEY, "name": "client-company-abcd", "usage_monthly": 1000.0}
    assert row(keys=(KEY, old, other))["used_this_month"] == 150.0


def test_openrouter_unknown() -> None:
    found = row(keys=None)
    assert (found["key_state"], found["used_this_month"], found["differs"]) == ("unknown", None, [])
    assert " unknown" in overview_table([found])


def test_the_table_is_aligned() -> None:
    rows = [row(), row(slug="x", keys=(changed(KEY, "limit", None),))]
    head, first, second, *rest = overview_table(rows, ["client-gone"]).splitlines()
    assert head.index("LIMIT") + len("LIMIT") == first.index("500.00") + len("500.00")
    assert "NO LIMIT" in second
    assert rest == [
        "",
        "Differs from the inventory:",
        "x: limit NO LIMIT instead of 500.00",
        "no client of the inventory has the key client-gone",
    ]


def test_csv_keeps_hostile_names() -> None:
    text = overview_csv([row(name='a, "b"\nc')])
    assert text.splitlines()[0].startswith("client,name,machine") and '"a, ""b""␊c"' in text
    assert overview_csv([]) == "\r\n"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝"])
def test_csv_holds_no_formula(sign: str) -> None:
    evil = f"{sign}1+cmd|' /C calc'!A0"
    rows = [
        row(name=evil, problems=[evil], keys=(changed(KEY, "limit", -5),)),
        row(name=f"\t{evil}"),
        row(name=f"\r{evil}"),
    ]
    read = list(csv.DictReader(io.StringIO(overview_csv(rows), newline="")))
    assert [one["name"] for one in read] == [f"'{evil}", f"␉{evil}", f"␍{evil}"]
    assert read[0]["differs"].startswith(f"'{evil}; ")
    # A number stays one, also below zero
    assert read[0]["limit"] == "-5" and read[1]["limit"] == "500.0"
    assert all(
        not cell.startswith(sign)
        for one in read
        for name, cell in one.items()
        if name not in ("limit", "percent_of_limit")
    )


ESCAPES = "x\nup  client-forged \u202e\x1b[2J\u2028"


def test_every_row_is_a_line() -> None:
    key = {**KEY, "last_used_at": ESCAPES, "limit_reset": ESCAPES, "label": ESCAPES}
    seen = changed(SEEN, "containers", [{**SEEN["containers"][0], "image": ESCAPES * 50}])
    rows = [row(seen, (key,), name=ESCAPES, machine=ESCAPES * 50, url=ESCAPES, problems=[ESCAPES]), row(slug="x")]
    unclaimed = unclaimed_keys([{"name": f"client-{ESCAPES}"}, *({"name": name} for name in (None, 7, ["a"]))], [])
    assert unclaimed == ["client-x␊up  client-forged <U+202E>␛[2J<U+2028>"]
    lines = overview_table(rows, unclaimed).splitlines()
    assert len(lines) == 3 + 2 + sum(len(one["differs"]) for one in rows) + 1
    assert all(line.isprintable() for line in lines) and max(map(len, lines[:3])) < 400
    text = overview_csv(rows)
    assert len(text.splitlines()) == len(list(csv.reader(io.StringIO(text, newline="")))) == 3
    alarms = overview_alarms([{**rows[0], "client": ESCAPES, "percent_of_limit": 90.0}], "limit80")
    assert len(alarms) == 1 and alarms[0].isprintable()
    assert all(value.isprintable() for one in rows for value in one.values() if isinstance(value, str))


def test_a_database_that_cannot_be_read_is_said_beside_the_state() -> None:
    seen = changed(changed(SEEN, "database.error", "It is a link"), "database.error_reason", "foreign")
    found = row(seen)
    assert found["state"] == "up" and found["differs"] == ["the database cannot be read: It is a link"]


@pytest.mark.parametrize("odd", ["abc", [1], {"a": 1}, True, float("nan"), 10**400, -1, "1e5", None])
def test_odd_numbers_of_openrouter(odd: t.Any) -> None:
    for name in ("limit", "usage_monthly"):
        found = row(keys=(changed(KEY, name, odd),))
        alarms = overview_alarms([found], "limit80")
        assert overview_table([found]).splitlines()[1].startswith("company-abc") and len(alarms) <= 1
    for rows in ([{**row(), "percent_of_limit": odd, "disk_free_bytes": odd}],):
        assert len(overview_alarms(rows, "limit80,disk5")) <= 2
    # What is no number is not "NO LIMIT", which null says
    limit = row(keys=(changed(KEY, "limit", odd),))["limit"]
    assert limit == (odd if odd in (None, -1) and odd is not True else "?")


def test_alarms() -> None:
    rows = [row(), row({}, slug="gone", unreachable=True), row(slug="full", keys=(changed(KEY, "usage_monthly", 450),))]
    assert overview_alarms(rows, "") == []
    assert overview_alarms(rows, "down, limit80") == ["gone: unreachable", "full: 90 % of its limit used"]
    assert overview_alarms(rows, "disk30") == [
        f"{slug}: only 20.0 GiB free on its machine" for slug in ("company-abc", "full")
    ]
    for wrong in ("down5", "backups", "limit-5"):
        with pytest.raises(AnsibleFilterError, match="fail_on has"):
            overview_alarms(rows, wrong)


def test_unclaimed_keys() -> None:
    names = ["client-a", "client-a ~retired-0123456789", "client-b ~pending-0123456789", "special", "mine", "client-c"]
    found = unclaimed_keys([{"name": name} for name in names], {"client-a", "special"})
    assert found == ["client-b ~pending-0123456789", "client-c"]


def moment(**later: int) -> str:
    return f"{datetime.now(timezone.utc) + timedelta(**later):%Y-%m-%dT%H:%M:%SZ}"


def test_a_key_that_expired_or_does_so_within_days() -> None:
    for expires, state, about in (
        (moment(days=-1), "expired", "and every chat is refused: run rotate_key.yml"),
        (moment(days=6), "expires", "run rotate_key.yml before"),
        (moment(days=8), "enabled", ""),
    ):
        found = row(keys=({**KEY, "expires_at": expires},))
        assert found["key_state"] == state
        assert about in "".join(found["differs"])
        assert bool(found["differs"]) == bool(about)
        told = {"expired": ["company-abc: its key expired"], "expires": ["company-abc: its key expires within days"]}
        assert overview_alarms([found], "down") == told.get(state, [])
    # Of a suspended client nobody expects anything
    suspended = {**KEY, "expires_at": moment(days=-1), "disabled": True}
    assert row(keys=(suspended,))["key_state"] == "disabled"


def test_a_container_that_docker_calls_unhealthy_is_unhealthy_whatever_it_answers() -> None:
    found = row(changed(SEEN, "containers", [{**SEEN["containers"][0], "health": "unhealthy"}]))
    assert found["state"] == "unhealthy"
    assert overview_alarms([found], "down") == ["company-abc: unhealthy"]
