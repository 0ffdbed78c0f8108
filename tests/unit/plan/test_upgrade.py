# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upgrade of an instance: when it is due, what is in its way, and what is said of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._client import GIB
from ansible_collections.mai.clients.plugins.plugin_utils._plan.upgrade import upgrade

from tests.unit.plan.situations import KEY, NEW_IMAGE, changed, client, converged

WHO = "Company ABC (company-abc) "
KEYS = ({"hash": KEY},)
NEW = changed(converged(client()), {"image/id": NEW_IMAGE})
SAME = converged(client())
RESUMES = changed(NEW, {"directory/upgrading": True})
SUSPENDED = changed(NEW, {"database/organizations/0/is_active": False})
PEOPLE = {"active_users": 2, "bytes": GIB}
COUNTS = {"counts": {"user": 3, "chat": 5}, "recorded": ""}


def upgraded(
    seen: t.Any,
    keys: t.Any = KEYS,
    when_idle: bool = False,
    people: t.Any = None,
    done: t.Any = None,
    checks: bool = False,
    **more: t.Any,
) -> dict[str, t.Any]:
    return upgrade(
        seen,
        client(mai_image="mai:1.5", **more),
        keys,
        {"when_idle": when_idle, "people": people or {}, "checks": checks},
        done,
    )


# The look → whether it is due, and what would be done
DUE: dict[str, tuple[t.Any, bool, str]] = {
    "another image": (
        NEW,
        True,
        "would be upgraded from mai:1.4 to mai:1.5; its people would be interrupted until its migrations have ended",
    ),
    "the same image": (SAME, False, "has image mai:1.5 already"),
    "an interrupted run": (
        RESUMES,
        True,
        "would be upgraded to mai:1.5, which ends an interrupted run; its people would be interrupted until its "
        "migrations have ended",
    ),
    "an interrupted run that had the image": (
        changed(SAME, {"directory/upgrading": True, "containers": []}),
        True,
        "would be upgraded to mai:1.5, which ends an interrupted run; its people would be interrupted until its "
        "migrations have ended",
    ),
    "suspended": (SUSPENDED, False, "is suspended and was not upgraded: run resume_client.yml, then this again"),
    "no data": (changed(NEW, {"database/exists": False}), False, "has image mai:1.5 already"),
    "no container": (
        changed(NEW, {"containers": []}),
        True,
        "would be upgraded from mai:1.4 to mai:1.5; its people would be interrupted until its migrations have ended",
    ),
    "no container, and the same image": (changed(SAME, {"containers": []}), False, "has image mai:1.5 already"),
    "nothing that tells its image": (
        changed(NEW, {"containers": [], "last_image": None}),
        False,
        "has image mai:1.5 already",
    ),
}


@pytest.mark.parametrize("situation", DUE)
def test_when_it_is_due(situation: str) -> None:
    seen, due, line = DUE[situation]
    found = upgraded(seen)
    assert (found["due"], found["summary"]) == (due, [WHO + line])
    assert found["suspended"] == (situation == "suspended")
    assert found["resumes"] == ("interrupted" in situation)


GONE = changed(NEW, {"image/present": False})
LITTLE = changed(NEW, {"directory/free_bytes": 2 * GIB})
ELSEWHERE = {"mai_database": "external"}
# The look, what its people do, and what was asked → what is in the way
OBSTACLES: dict[str, tuple[t.Any, t.Any, dict[str, t.Any], str]] = {
    "nothing": (NEW, PEOPLE, {}, ""),
    "not looked at yet": (LITTLE, {}, {"when_idle": True}, ""),
    "an image that cannot come": (
        GONE,
        {},
        {"mai_image_pull": "never"},
        "the image mai:1.5 is not on the machine, and mai_image_pull is never. Load it there, set mai_image_archive, "
        "or allow pulling.",
    ),
    "an image from a file": (GONE, {}, {"mai_image_pull": "never", "mai_image_archive": "/srv/mai.tar"}, ""),
    "an image that is pulled": (GONE, PEOPLE, {}, ""),
    "people": (
        NEW,
        PEOPLE,
        {"when_idle": True},
        "people active in the last five minutes: 2. Run again later, with a higher idle_minutes, or without when_idle.",
    ),
    "nobody": (NEW, {**PEOPLE, "active_users": 0}, {"when_idle": True}, ""),
    "nobody knows": (NEW, {**PEOPLE, "active_users": None}, {"when_idle": True}, ""),
    "a database that cannot be read": (
        NEW,
        {"failed": True, "msg": "The database is a link."},
        {"when_idle": True},
        "The database is a link.",
    ),
    "no room": (
        LITTLE,
        PEOPLE,
        {},
        "/opt/mai/deployments/client-company-abc has 2.0 GiB free, and the upgrade of its database needs 3.0 GiB: make "
        "room.",
    ),
    # The copy alone is written on this machine
    "room for a copy of what is elsewhere": (LITTLE, PEOPLE, ELSEWHERE, ""),
    "no room for a copy of what is elsewhere": (
        LITTLE,
        {**PEOPLE, "bytes": 3 * GIB},
        ELSEWHERE,
        "/opt/mai/deployments/client-company-abc has 2.0 GiB free, and the upgrade of its database needs 3.0 GiB: make "
        "room.",
    ),
    "nobody knows the room": (changed(NEW, {"directory/free_bytes": None}), PEOPLE, {}, ""),
    "a database that the instance has not come up with": (
        changed(NEW, {"database/in_use": False}),
        PEOPLE,
        ELSEWHERE,
        "the address or password of its database was changed, and the instance has not taken it yet: run "
        "onboard_client.yml first.",
    ),
    "no room, and the same image": (changed(SAME, {"directory/free_bytes": 0}), {}, {"mai_image_pull": "never"}, ""),
    "no room, and an interrupted run": (changed(RESUMES, {"directory/free_bytes": 0}), {"skipped": True}, {}, ""),
}


@pytest.mark.parametrize("situation", OBSTACLES)
def test_what_is_in_the_way(situation: str) -> None:
    seen, people, asked, obstacle = OBSTACLES[situation]
    assert upgraded(seen, people=people, **asked)["obstacle"] == obstacle


@pytest.mark.parametrize(
    ("seen", "pull", "brought"),
    [
        (NEW, "missing", False),
        (NEW, "always", True),
        (SAME, "always", True),
        (SUSPENDED, "always", False),
        (GONE, "missing", True),
        (NEW, "never", False),
    ],
)
def test_the_image_is_brought_where_it_may_be_missing(seen: t.Any, pull: str, brought: bool) -> None:
    assert upgraded(seen, mai_image_pull=pull)["bring_image"] == brought


def test_a_rehearsal_does_not_know_what_a_tag_that_is_always_fetched_will_bring() -> None:
    [line] = upgraded(SAME, mai_image_pull="always", checks=True)["summary"]
    assert line == f"{WHO}has image mai:1.5 already; it would be fetched anew first, which may bring a newer one"
    assert upgraded(SAME, mai_image_pull="always")["summary"] == [f"{WHO}has image mai:1.5 already"]


UPGRADED = f"{WHO}was upgraded from mai:1.4 to mai:1.5"
ACTIVE = "people active in the last five minutes: 2"
THERE = "everything is there: 3 × user, 5 × chat"
BACK = (
    "to go back by hand: /opt/mai/deployments/client-company-abc/.upgrade holds the database, settings and compose "
    "file of before"
)
# The look, the client's key at OpenRouter, and what was done → every line
DONE: dict[str, tuple[t.Any, t.Any, dict[str, t.Any], list[str]]] = {
    "as usual": (NEW, KEYS, COUNTS, [UPGRADED, ACTIVE, THERE, BACK]),
    "an interrupted run": (
        RESUMES,
        KEYS,
        COUNTS,
        [f"{WHO}was upgraded to mai:1.5, which ends an interrupted run", THERE, BACK],
    ),
    "recorded": (
        NEW,
        KEYS,
        {**COUNTS, "recorded": "host_vars/x.yml"},
        [UPGRADED, ACTIVE, THERE, BACK, "recorded in host_vars/x.yml"],
    ),
    "OpenRouter did not answer": (
        NEW,
        None,
        COUNTS,
        [
            *(UPGRADED, ACTIVE, THERE, BACK),
            "OpenRouter did not answer, so the hand-over was not renewed and no models were listed: run "
            "onboard_client.yml when it does",
        ],
    ),
    "OpenRouter has no such key": (
        NEW,
        [],
        COUNTS,
        [UPGRADED, ACTIVE, THERE, BACK, "OpenRouter has no such key: run onboard_client.yml"],
    ),
    "nothing to do": (SAME, KEYS, {"counts": {}, "recorded": ""}, [f"{WHO}has image mai:1.5 already"]),
    "nothing to do but to record it": (
        SAME,
        KEYS,
        {"counts": {}, "recorded": "host_vars/x.yml"},
        [f"{WHO}has image mai:1.5 already", "recorded in host_vars/x.yml"],
    ),
    "suspended": (
        SUSPENDED,
        KEYS,
        {"counts": {}, "recorded": ""},
        [f"{WHO}is suspended and was not upgraded: run resume_client.yml, then this again"],
    ),
}


@pytest.mark.parametrize("situation", DONE)
def test_what_was_done(situation: str) -> None:
    seen, keys, done, lines = DONE[situation]
    assert upgraded(seen, keys, people=PEOPLE, done=done)["summary"] == lines


def test_the_key_is_known_by_its_hash_where_openrouter_does_not_say() -> None:
    without = {"hash": KEY, "disabled": False}
    assert [upgraded(NEW, keys)["key"] for keys in (KEYS, [], None)] == [KEYS[0], without, without]
    assert upgraded(SUSPENDED, None)["key"]["disabled"]
    known = [(found["key_known"], found["answered"]) for found in (upgraded(NEW, keys) for keys in (KEYS, [], None))]
    assert known == [(True, True), (False, True), (False, False)]
