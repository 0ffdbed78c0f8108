# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the history of a client's usage is kept as the inventory says, and what is said of it."""

from __future__ import annotations

import typing as t
from datetime import timedelta

import pytest
from ansible_collections.mai.clients.plugins.filter.usage import usage_files
from ansible_collections.mai.clients.plugins.plugin_utils import _program
from ansible_collections.mai.clients.plugins.plugin_utils._plan import usage

from tests.unit.plan.situations import NOW, USAGE_PROGRAM, changed, client, converged, nothing, planned

IMPOSSIBLE = (
    "its usage is not kept beyond OpenRouter's 30 days: systemd does not run there, or the connection is not root's "
    "(mai_usage_history)"
)
JOURNAL = ": see journalctl -u mai-companyabc-usage on its machine"


def moment(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def plan(
    changes: t.Mapping[str, t.Any] | None = None, wanted: t.Any = True, suspended: bool = False
) -> dict[str, t.Any]:
    variables, seen = client(mai_usage_history=wanted), changed(converged(client()), changes or {})
    return usage.usage_history(variables, seen, suspended, USAGE_PROGRAM, NOW)


def test_nothing_is_due_of_what_is_as_it_should_be() -> None:
    found = plan()
    assert not found["due"] and found["kept"] and found["notes"] == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"usage/installed": False}, "it is not set up"),
        ({"usage/program": "0" * 64}, "its program"),
        ({"usage/program": None}, "its program"),
        ({"usage/units": {}}, "its time"),
        ({"usage/timer_active": False}, "its timer is not active"),
    ],
)
def test_what_differs_is_put_right(changes: dict[str, t.Any], why: str) -> None:
    found = plan(changes)
    assert found["differs"] and found["due"] and found["why"] == [why] and not found["removes"]


@pytest.mark.parametrize("wanted", [False, "false", "no", 0])
def test_what_is_not_wanted_is_removed_and_nothing_is_said(wanted: t.Any) -> None:
    found = plan({"usage/last/time": moment(500)}, wanted)
    assert found["removes"] and found["due"] and not found["differs"] and found["notes"] == []
    assert found["why"] == ["mai_usage_history is false"]
    assert not plan({"usage/installed": False}, wanted)["due"]


@pytest.mark.parametrize("what", ["machine/systemd", "machine/root"])
def test_where_it_cannot_be_it_is_said_and_nothing_is_due(what: str) -> None:
    found = plan({what: False, "usage/installed": False})
    assert not found["due"] and not found["kept"] and found["notes"] == [IMPOSSIBLE] and found["trouble"] == []


@pytest.mark.parametrize(
    ("changes", "suspended", "said"),
    [
        ({"usage/last/time": moment(47)}, False, []),
        ({"usage/last/time": moment(96)}, False, [f"the last reading of its usage is 4 days old{JOURNAL}"]),
        ({"usage/last/time": moment(96)}, True, []),
        # Set up anew: the next reading is yet to come
        ({"usage/last/time": moment(96), "usage/since": moment(2)}, False, []),
        ({"usage/last": None}, False, [f"its usage was never read{JOURNAL}"]),
        ({"usage/last": None, "usage/since": moment(2)}, False, []),
        ({"usage/last": None, "usage/since": None}, False, []),
        ({"usage/last/time": "9999-99-99T99:99:99Z"}, False, []),
    ],
)
def test_what_is_wrong_with_the_last_reading(changes: dict[str, t.Any], suspended: bool, said: list[str]) -> None:
    assert plan(changes, suspended=suspended)["trouble"] == said


def test_gaps_are_said() -> None:
    days = [f"2026-11-{day:02}" for day in range(2, 9)]
    assert plan({"usage/missing": days[:3]})["notes"] == [
        "its usage has no reading for 3 of the last 30 days: 2026-11-02, 2026-11-03, 2026-11-04"
    ]
    assert plan({"usage/missing": days})["notes"][0].endswith("2026-11-06 and 2 more")


def test_it_is_a_part_of_the_plan() -> None:
    seen = changed(converged(client()), {"usage/timer_active": False, "usage/missing": ["2026-11-02"]})
    found = planned(client(), seen)["plan"]
    assert found["changes"] == ["usage history (its timer is not active)"]
    assert found["would"] == [
        "Would have the client's usage read each day into /opt/mai/deployments/client-company-abc/usage.csv: its timer "
        "is not active."
    ]
    assert "its usage has no reading for 1 of the last 30 days: 2026-11-02" in found["notes"]
    ended = planned(client(mai_usage_history=False), seen)["plan"]
    assert ended["would"] == ["Would end the daily reading of the client's usage; what was read stays in usage.csv."]


def test_a_suspended_client_has_no_trouble() -> None:
    seen = changed(converged(client()), {"usage/last/time": moment(96)})
    assert [note for note in planned(client(), seen)["plan"]["notes"] if "reading" in note]
    assert planned(client(), nothing(), [])["plan"]["usage_history"]["trouble"] == []


def test_the_files() -> None:
    program, service, timer = usage_files(plan(), "/opt/mai/deployments/client-company-abc")
    assert program["path"] == "/opt/mai/deployments/client-company-abc/.usage/usage.py"
    assert program["content"] == _program.usage() and program["mode"] == "0700"
    assert service["path"] == "/etc/systemd/system/mai-companyabc-usage.service"
    assert f'ExecStart=/usr/bin/python3 -B "{program["path"]}"' in service["content"]
    assert "OnCalendar=*-*-* 02,05,08,11,14,17,20,23:50:00 UTC\nRandomizedDelaySec=5min\n" in timer["content"]
