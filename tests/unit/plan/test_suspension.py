# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suspension of a client: what is done once its key is disabled, and what is said of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.suspension import suspension

from tests.unit.plan.situations import changed, client, converged, nothing

SEEN = converged(client())
KEY = {"usage_monthly": 41.0}
DAMAGED = changed(SEEN, {"database/error": "The database is damaged.", "database/error_reason": "damaged"})
LOCKED = changed(SEEN, {"database/error": "The database is locked.", "database/error_reason": "locked"})


def suspended(
    seen: t.Any, runs: bool = True, due: bool = True, keep_running: bool = False, **more: t.Any
) -> dict[str, t.Any]:
    plan = {"instance": {"runs": runs}, "organization": {"due": due}}
    return suspension(seen, client(), plan, more.get("key", KEY), {"keep_running": keep_running}, more.get("done"))


# The look, whether the instance runs and its record differs, and whether it runs on → due, stop, record
DECISIONS: dict[str, tuple[t.Any, bool, bool, bool, tuple[bool, bool, bool]]] = {
    "as usual": (SEEN, True, True, False, (True, True, True)),
    "again": (SEEN, False, False, False, (False, False, True)),
    "stopped by hand": (SEEN, False, True, False, (True, False, True)),
    "started by hand": (SEEN, True, False, False, (True, True, True)),
    "runs on": (SEEN, True, True, True, (True, False, True)),
    "runs on, again": (SEEN, True, False, True, (False, False, True)),
    "damaged": (DAMAGED, True, True, False, (True, True, False)),
    "damaged, again": (DAMAGED, False, True, False, (False, False, False)),
    "locked": (LOCKED, False, True, False, (True, False, True)),
    "nothing there": (nothing(), False, True, False, (False, False, False)),
}


@pytest.mark.parametrize("situation", DECISIONS)
def test_what_is_done(situation: str) -> None:
    seen, runs, due, keep_running, decided = DECISIONS[situation]
    found = suspended(seen, runs, due, keep_running)
    assert (found["due"], found["stop"], found["record"]) == decided


def test_what_would_be_done() -> None:
    assert suspended(SEEN)["summary"] == [
        "Company ABC (company-abc) would be suspended.",
        "key client-company-abc: would be disabled, 41.00 USD used this month",
        "instance: would be stopped, data and image are kept",
        "bring it back: resume_client.yml -e client=company-abc",
    ]


FIRST = "Company ABC (company-abc) is suspended."
USED = "key client-company-abc: disabled, 41.00 USD used this month"
STOPPED = "instance: stopped, data and image are kept"
LAST = "bring it back: resume_client.yml -e client=company-abc"
# The look, whether it runs on, and why it was not recorded → every line
DONE: dict[str, tuple[t.Any, bool, str, list[str]]] = {
    "as usual": (SEEN, False, "", [FIRST, USED, STOPPED, LAST]),
    "runs on": (SEEN, True, "", [FIRST, USED, "instance: runs on, chats stay readable", LAST]),
    "nothing there": (nothing(), False, "", [FIRST, USED, "instance: none", LAST]),
    "could not be read": (
        DAMAGED,
        False,
        "",
        [
            *(FIRST, USED, STOPPED),
            "not recorded in its own database, which changes nothing of that: The database is damaged.",
            LAST,
        ],
    ),
    "could not be written": (
        SEEN,
        False,
        "The disk is full.",
        [
            *(FIRST, USED, STOPPED),
            "not recorded in its own database, which changes nothing of that: The disk is full.",
            LAST,
        ],
    ),
}


@pytest.mark.parametrize("situation", DONE)
def test_what_was_done(situation: str) -> None:
    seen, keep_running, failure, lines = DONE[situation]
    assert suspended(seen, keep_running=keep_running, done={"failure": failure})["summary"] == lines


def test_usage_that_is_not_known() -> None:
    assert "0.00 USD used" in suspended(SEEN, key={"usage_monthly": None})["summary"][1]
