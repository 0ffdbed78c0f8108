# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mai_users, the people of a client: what it may be, said for a person.

This is private to the collection.
"""

from __future__ import annotations

import difflib
import typing as t
from collections import Counter

from ansible_collections.mai.clients.plugins.module_utils._instance import credentials
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._variables import is_switch, quoted

Values = t.Mapping[str, t.Any]

FIELDS = ("email", "name", "role", "state", "delete_chats")
ROLES, STATES = ("user", "admin"), ("present", "blocked", "absent")
# More than one instance serves
_MOST = 1000
_LONGEST_NAME = 200


def listed(users: t.Any) -> list[Values]:
    """Those entries that are any; what is wrong with the others is said where problems are."""
    return [one for one in users if isinstance(one, t.Mapping)] if isinstance(users, (list, tuple)) else []


def addresses(client: Values) -> list[str]:
    """Whose accounts a look is to tell of."""
    emails = [one.get("email") for one in listed(client["mai_users"])]
    return sorted({one.lower() for one in [*emails, client["mai_admin_email"]] if isinstance(one, str) and one})


def problems(users: t.Any, admin_email: t.Any) -> t.Iterator[str]:
    if users is None or users == "":
        return
    if not isinstance(users, (list, tuple)):
        yield f"mai_users is {quoted(users)}: give a list of people, each with an email, or leave it out"
        return
    if len(users) > _MOST:
        yield f"mai_users lists {len(users)} people: list at most {_MOST}"
        return
    for number, one in enumerate(users, 1):
        if not isinstance(one, t.Mapping):
            yield f"mai_users, entry {number} is {quoted(one)}: give email, and where wanted {', '.join(FIELDS[1:])}"
        else:
            yield from _entry(number, one, admin_email)
    counts = Counter(one["email"].lower() for one in listed(users) if isinstance(one.get("email"), str))
    for email, count in counts.items():
        if count > 1:
            yield f"mai_users lists {shown(email, 254)} {count} times (upper and lower case are one): list it once"


def _entry(number: int, one: Values, admin_email: t.Any) -> t.Iterator[str]:
    email = one.get("email")
    is_address = credentials.is_address(email)
    who = f"mai_users, {shown(email, 254) if is_address else f'entry {number}'}"
    if email is None or email == "":
        yield f"{who}: email is missing"
    elif not is_address:
        yield f"{who}: email is {quoted(email)}: give one e-mail address"
    for field in one:
        if field not in FIELDS:
            near = difflib.get_close_matches(str(field), FIELDS, 1)
            yield f"{who}: {quoted(field)} is none of {', '.join(FIELDS)}{f'; did you mean {near[0]}?' if near else ''}"
    yield from _name(who, one.get("name"))
    for field, choices in (("role", ROLES), ("state", STATES)):
        if one.get(field) is not None and one[field] not in choices:
            yield f"{who}: {field} is {quoted(one[field])}: give one of {', '.join(choices)}"
    switch = one.get("delete_chats", False)
    if not is_switch(switch):
        yield f"{who}: delete_chats is {quoted(switch)}: give true or false"
    elif one.get("state") == "absent" and str(switch).lower() not in ("true", "yes", "on", "1"):
        yield (
            f"{who}: state: absent deletes the account with all chats. Write state: blocked, which keeps them and lets "
            "nobody in, or add delete_chats: true"
        )
    if is_address and isinstance(admin_email, str) and email.lower() == admin_email.lower():
        yield from _administrator(who, one)


def _name(who: str, name: t.Any) -> t.Iterator[str]:
    if name is None:
        return
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        yield f"{who}: name is {quoted(name)}: give text of 1 to {_LONGEST_NAME} characters, in quotes, or leave it out"
    elif any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in name):
        yield f"{who}: name holds a NUL character, or half of a character"


def _administrator(who: str, one: Values) -> t.Iterator[str]:
    if one.get("role") == "user" or one.get("state") in ("blocked", "absent"):
        said = "role: user" if one.get("role") == "user" else f"state: {one['state']}"
        yield f"{who}: {said} contradicts mai_admin_email, which is the same address: change one of them"
