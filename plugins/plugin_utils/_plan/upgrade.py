# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The upgrade of a client's instance: whether it is due, what is in its way, what it would do, and what it did.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._client import GIB
from ansible_collections.mai.clients.plugins.plugin_utils._plan import database
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import (
    another_image,
    last_image,
    own_container,
    service,
)
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import counted, who

Values = t.Mapping[str, t.Any]

# Of the size of the database: the copy that is gone back to, and room to go back and to migrate. Of one elsewhere, the
# machine has the copy alone.
ROOM, ROOM_OF_ONE_ELSEWHERE = 3, 1


def upgrade(
    seen: Values,
    client: Values,
    keys: t.Sequence[Values] | None,
    asked: Values,
    done: Values | None = None,
) -> dict[str, t.Any]:
    """What is decided from a look that was taken before anything was done.

    ``keys`` holds the client's key, none where OpenRouter has none, and is None where OpenRouter did not answer.
    ``asked`` holds what the database said of its people, nothing before it was asked.
    """
    container = own_container(seen, service(client["slug"]))
    suspended = any(not one["is_active"] for one in seen["database"]["organizations"])
    resumes = seen["directory"]["upgrading"]
    last = last_image(seen, container)
    differs, database_differs = another_image(client, seen, last), database.another_image(client, seen)
    can_be = not suspended and bool(seen["database"]["exists"])
    due = can_be and (resumes or differs or database_differs)
    # A tag that is always fetched may stand for another image a moment later
    fetches = can_be and client["mai_image_pull"] == "always" and not client["mai_image_archive"]
    people = asked["people"] if due and not resumes else None
    if resumes:
        course = f"to {client['mai_image']}, which ends an interrupted run"
    else:
        course = f"from {last.get('reference', 'nothing')} to {client['mai_image']}"
        if database_differs:
            of_database = f"its database from {seen['database']['service']['image']} to {client['mai_database_image']}"
            course = f"{course}, and {of_database}" if differs else f"with {of_database}"
    return {
        "due": due,
        "suspended": suspended,
        "resumes": resumes,
        "bring_image": fetches or (due and not seen["image"]["present"]),
        "obstacle": _obstacle(client, seen, asked, people) if due else "",
        # The upgrade does not need it; only the hand-over names its limit
        "key": keys[0] if keys else {"hash": seen["key_hash"], "disabled": suspended},
        "key_known": bool(keys),
        "answered": keys is not None,
        "summary": [
            f"{who(client)} {_outcome(client, suspended, due, bool(done), course)}"
            + ("; it would be fetched anew first, which may bring a newer one" if fetches and asked["checks"] else ""),
            *_people(people),
            *(_what_is_there(client, done) if due and done else []),
            *([f"recorded in {done['recorded']}"] if done and done["recorded"] else []),
            *_openrouter(keys),
        ],
    }


def _obstacle(client: Values, seen: Values, asked: Values, people: Values | None) -> str:
    """Why it cannot be upgraded now; of its people and its database once they were looked at."""
    if seen["directory"]["restoring"]:
        return "a restore was interrupted: run restore_client.yml again first."
    if not seen["image"]["present"] and client["mai_image_pull"] == "never" and not client["mai_image_archive"]:
        return (
            f"the image {client['mai_image']} is not on the machine, and mai_image_pull is never. Load it there, set "
            "mai_image_archive, or allow pulling."
        )
    if seen["database"]["in_use"] is False and not seen["directory"]["upgrading"]:
        # The copy would be of one that the instance has not come up with
        return (
            "the address or password of its database was changed, and the instance has not taken it yet: run "
            "onboard_client.yml first."
        )
    if not people:
        return ""
    if people.get("failed"):
        return people["msg"]
    if asked["when_idle"] and people["active_users"]:
        return (
            f"people active in the last five minutes: {people['active_users']}. Run again later, with a higher "
            "idle_minutes, or without when_idle."
        )
    room = ROOM_OF_ONE_ELSEWHERE if client["mai_database"] == "external" else ROOM
    free, needed = seen["directory"]["free_bytes"], room * people["bytes"]
    if free is not None and free < needed:
        return (
            f"{client['mai_deployment_dir']} has {free / GIB:.1f} GiB free, and the upgrade of its database needs "
            f"{needed / GIB:.1f} GiB: make room."
        )
    return ""


def _outcome(client: Values, suspended: bool, due: bool, done: bool, course: str) -> str:
    if suspended:
        return "is suspended and was not upgraded: run resume_client.yml, then this again"
    if not due:
        return f"has image {client['mai_image']} already"
    if done:
        return f"was upgraded {course}"
    return f"would be upgraded {course}; its people would be interrupted until its migrations have ended"


def _people(people: Values | None) -> list[str]:
    return [f"people active in the last five minutes: {people.get('active_users') or 0}"] if people else []


def _what_is_there(client: Values, done: Values) -> list[str]:
    return [
        f"everything is there: {', '.join(counted(done['counts']))}",
        f"to go back by hand: {client['mai_deployment_dir']}/.upgrade holds the database, settings and compose file of "
        "before",
    ]


def _openrouter(keys: t.Sequence[Values] | None) -> list[str]:
    if keys is None:
        return [
            "OpenRouter did not answer, so the hand-over was not renewed and no models were listed: run "
            "onboard_client.yml when it does"
        ]
    return [] if keys else ["OpenRouter has no such key: run onboard_client.yml"]
