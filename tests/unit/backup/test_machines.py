# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two machines with one client: which of them counts, and what the other one's snapshots tell."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._backup import machines
from ansible_collections.mai.clients.plugins.module_utils._backup.state import seconds_of

EARLY, MIDDLE, LATE = "2026-11-01T03:00:00Z", "2026-11-20T10:00:00Z", "2026-11-21T03:00:00Z"
NOW = seconds_of("2026-11-21T12:00:00Z")


def snapshot(machine: str | None, since: str = EARLY, time: str = LATE, host: str = "abc") -> dict[str, t.Any]:
    tags = ["mai.clients", "image=mai:1", *(machines.tags(machine, since) if machine else [])]
    return {"hostname": host, "time": time, "tags": tags}


RETURNED = snapshot("old", time=LATE, host="returned-abc")


# what the storage has → since when another machine has the client, by which this one is replaced
@pytest.mark.parametrize(
    ("told", "since", "other"),
    [
        ([], EARLY, None),
        ([snapshot("me", MIDDLE)], EARLY, None),
        ([snapshot(None)], EARLY, None),
        ([snapshot("new", MIDDLE)], EARLY, MIDDLE),
        ([snapshot("new", EARLY), snapshot("newer", MIDDLE)], EARLY, MIDDLE),
        ([snapshot("old", EARLY)], MIDDLE, None),
        ([snapshot("other", EARLY)], EARLY, None),
        # Word of another old machine is no claim
        ([snapshot("old", LATE, host="returned-abc")], MIDDLE, None),
        ([snapshot("new", "nonsense")], EARLY, None),
        (["nonsense", {"hostname": "abc", "tags": None}], EARLY, None),
    ],
)
def test_the_later_machine_counts(told: t.Any, since: str, other: str | None) -> None:
    assert machines.replaced(told, "abc", "me", since) == other


# what the storage has → when another machine was heard of
@pytest.mark.parametrize(
    ("told", "since", "success", "heard"),
    [
        ([snapshot("me")], EARLY, None, None),
        ([RETURNED], MIDDLE, None, LATE),
        ([RETURNED], MIDDLE, MIDDLE, LATE),
        ([RETURNED], MIDDLE, "2026-11-21T04:00:00Z", None),
        ([snapshot("old", time=MIDDLE)], LATE, None, None),
        ([snapshot("old", time=LATE)], MIDDLE, None, LATE),
        ([snapshot("old", time="2026-11-02T03:00:00Z", host="returned-abc")], EARLY, None, None),
    ],
)
def test_an_old_machine_is_heard_of(told: t.Any, since: str, success: str | None, heard: str | None) -> None:
    assert machines.still_at_work(told, "me", since, success, now=NOW) == heard


def test_the_machines_identifier_is_not_told(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines._own_file, "read_text", lambda _path: "0123456789abcdef0123456789abcdef\n")
    assert len(machines.identity()) == 12 and machines.identity() not in "0123456789abcdef0123456789abcdef"
