# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of a client's instance: who is to be added, blocked, let in again or deleted, and what is said of it.

This is private to the collection. What differs is decided in module_utils/_people/decide.py, here and on the machine
alike; the look tells of the listed addresses alone.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._people import decide
from ansible_collections.mai.clients.plugins.plugin_utils._people import listed

Values = t.Mapping[str, t.Any]

_MOST_SENTENCES = 20
_TO = {
    decide.ADD: "to add",
    decide.RAISE: "to make administrator",
    decide.UNBLOCK: "to let in again",
    decide.LOWER: "to make user",
    decide.BLOCK: "to block",
    decide.DELETE: "to delete",
}
_WOULD = {
    decide.ADD: "add {email} as {role}",
    decide.RAISE: "make {email} administrator",
    decide.UNBLOCK: "let {email} in again, as {role}",
    decide.LOWER: "make {email} a user",
    decide.BLOCK: "block {email}, with all chats kept",
    decide.DELETE: "delete {email}, with all chats",
}


def people(client: Values, seen: Values, parts: Values, suspended: bool) -> dict[str, t.Any]:
    """``parts`` is the plan of the instance. What cannot be done now waits, and what is not known is said."""
    users = [dict(one) for one in listed(client["mai_users"])]
    known = seen["people"]
    wanted = decide.wanted(users, client["mai_admin_email"], client["mai_admin_name"], known["first_administrator"])
    administrators, first = seen["database"]["administrators"], None
    if not parts["administered"]:
        # Made with the instance itself, before anybody is added
        first = (client["mai_admin_email"] or "").lower()
        administrators = 1 if first else 0
    steps = [one for one in decide.steps(wanted, known["accounts"]) if one["email"] != first]
    refused = decide.refusal(steps, administrators or 0)
    waits = _waits(seen, parts, suspended, administrators) if steps else ""
    unknown = _unknown(seen, parts) if users else ""
    is_known = not (unknown or _unknown(seen, parts))
    due = bool(steps) and is_known and not (refused or waits)
    notes = [unknown] if unknown else []
    if is_known and steps:
        notes += [f"its people are not as listed: {refused}"] if refused else []
        notes += [f"its people are not as listed ({counted(steps)}): {waits}"] if waits and not refused else []
    return {
        "listed": len(users),
        # Where it answers now, which a change of the inventory may be about to change
        "url": (seen["health"]["url"] or parts["local_url"]).removesuffix(client["mai_health_path"]),
        "users": users,
        "steps": steps,
        "due": due,
        "counted": counted(steps) if due else "",
        "refused": refused if is_known and not waits else "",
        "unknown": unknown,
        # Whose rows of the organisation's come or go with them
        "moves": due and any(one["step"] in (decide.ADD, decide.DELETE) for one in steps),
        "notes": notes,
    }


def _unknown(seen: Values, parts: Values) -> str:
    if seen["health"]["accounts"] is False:
        return "this release has no accounts: mai_users is not managed"
    if parts["exists"] and seen["database"]["error"]:
        return "whether its people are as listed is not known: its database could not be read"
    return ""


def _waits(seen: Values, parts: Values, suspended: bool, administrators: int | None) -> str:
    if suspended:
        return "they wait until the client is resumed"
    if not administrators:
        if parts["administered"]:
            return (
                "nobody is administrator any more, see reset_password.yml with -e make_administrator=true; they wait "
                "until somebody is"
            )
        return "they wait until the instance has an administrator, see mai_admin_email"
    return ""


def counted(steps: t.Sequence[Values]) -> str:
    """How many of each kind, as in 2 to add, 1 to block."""
    numbers = {step: sum(one["step"] == step for one in steps) for step in decide.STEPS}
    return ", ".join(f"{number} {_TO[step]}" for step, number in numbers.items() if number)


def sentences(plan: Values) -> t.Iterator[str]:
    steps = plan["steps"]
    for one in steps[:_MOST_SENTENCES]:
        role = "administrator" if one["role"] == decide.ADMIN else "user"
        yield f"Would {_WOULD[one['step']].format(email=one['email'], role=role)}."
    if len(steps) > _MOST_SENTENCES:
        yield f"Would do so to {len(steps) - _MOST_SENTENCES} more people: {counted(steps[_MOST_SENTENCES:])}."


def difference(plan: Values) -> tuple[str, str, str]:
    """What it is, before and after: roles as the instance has them."""
    before = "".join(f"{one['email']}: {one['was'] or 'none'}\n" for one in plan["steps"])
    return "people", before, "".join(f"{one['email']}: {one['role'] or 'none'}\n" for one in plan["steps"])


def as_listed(_seen: Values, expected: Values) -> tuple[str, str]:
    """The check."""
    plan = expected["people"]
    if plan["unknown"]:
        return "unknown", plan["unknown"]
    if plan["steps"]:
        return "failed", (plan["notes"] or [f"its people are not as listed: {counted(plan['steps'])}"])[0]
    return "ok", "its people are as listed"
