# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done so that the people of an instance are as they are listed: decided one way, wherever it is asked.

The controller plans with it, from the look; the machine carries it out, from what is there by then. Nothing is asked
here. Who is not listed is in no answer, and is never touched.
"""

from __future__ import annotations

from typing import Any

# What Open WebUI gives who may not come in: a sign-up that waits, or who was blocked
BLOCKED = "pending"
ADMIN, USER = "admin", "user"

# In this order, so that there is an administrator at each moment
ADD, RAISE, UNBLOCK, LOWER, BLOCK, DELETE = STEPS = ("add", "raise", "unblock", "lower", "block", "delete")


def wanted(
    users: list[dict[str, Any]], admin_email: str | None, admin_name: str | None, first_administrator: str | None = None
) -> list[dict[str, Any]]:
    """The list, by address in lower case as the instance keeps it, with the administrator that the inventory names.

    The one with whom the instance was made is left to the instance: who has another address by now, or was sent away by
    the client's own administrators, does not come back.
    """
    found = {str(user["email"]).lower(): user for user in users}
    made_with = (first_administrator or "").lower()
    if admin_email and (admin_email.lower() != made_with or made_with in found):
        administrator = found.get(admin_email.lower()) or {"name": admin_name}
        found[admin_email.lower()] = dict(administrator, role=ADMIN, state="present")
    return [
        {
            "email": email,
            # Who has no name is called by the address
            "name": user.get("name") or email.partition("@")[0],
            # None: whoever is there keeps the role that the instance has
            "role": user.get("role") or None,
            "state": user.get("state") or "present",
        }
        for email, user in found.items()
    ]


def steps(people: list[dict[str, Any]], accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What differs, in the order in which it is done; the accounts are those of listed addresses, as in the look."""
    there = {str(account["email"]).lower(): account for account in accounts}
    found = []
    for person in people:
        account = there.get(person["email"])
        step, role = _step(person, account)
        if step:
            was = account["role"] if account else None
            one = {"email": person["email"], "name": person["name"], "step": step, "role": role, "was": was}
            found.append(dict(one, first=bool(account and account["first"])))
    return sorted(found, key=lambda one: STEPS.index(one["step"]))


def _step(person: dict[str, Any], account: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """One person's, and the role after it."""
    if account is None:
        return (ADD, person["role"] or USER) if person["state"] == "present" else (None, None)
    role = account["role"]
    if person["state"] == "absent":
        return DELETE, None
    if person["state"] == "blocked":
        return (None, None) if role == BLOCKED else (BLOCK, BLOCKED)
    if role == BLOCKED:
        return UNBLOCK, person["role"] or USER
    if person["role"] in (None, role):
        return None, None
    return (RAISE if person["role"] == ADMIN else LOWER), person["role"]


def refusal(due: list[dict[str, Any]], administrators: int) -> str:
    """Why it cannot be done; empty if it can. The number is that of the administrators before it."""
    for one in due:
        # Open WebUI lets nobody else touch it
        if one["first"]:
            return (
                f"{one['email']} is the first account of the instance, which Open WebUI lets nobody "
                f"{_DONE_TO_FIRST[one['step']]}. Correct mai_users"
            )
    left = administrators + sum((one["role"] == ADMIN) - (one["was"] == ADMIN) for one in due)
    if left < 1 and any(one["was"] == ADMIN for one in due):
        going = ", ".join(one["email"] for one in due if one["was"] == ADMIN)
        return f"without {going} the instance would have no administrator. Leave one in mai_users"
    return ""


_DONE_TO_FIRST = {
    RAISE: "make an administrator again: reset_password.yml with -e make_administrator=true does",
    UNBLOCK: "let in again: reset_password.yml with -e make_administrator=true does",
    LOWER: "make a user",
    BLOCK: "block",
    DELETE: "delete",
}


def said(one: dict[str, Any]) -> str:
    """One step, in words."""
    return f"{one['email']}: {_SAID[one['step']].format(role=_ROLES.get(one['role'] or ''))}"


_ROLES = {ADMIN: "administrator", USER: "user"}
_SAID = {
    ADD: "added as {role}",
    RAISE: "made {role}",
    UNBLOCK: "let in again, as {role}",
    LOWER: "made {role}",
    BLOCK: "blocked, with all chats kept",
    DELETE: "deleted, with all chats",
}
