# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is given with -e, or answered in a survey, besides a client's variables: RULES, one line each.

This is private to the collection. It is judged before a host is chosen, so what is wrong has touched nothing. An answer
that was left empty counts as not given. A survey knows text, whole numbers and fractions, and ends no answer anywhere:
of a long one the beginning is told.
"""

from __future__ import annotations

import re
import typing as t

from ansible.template import is_trusted_as_template
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._values import is_template
from ansible_collections.mai.clients.plugins.plugin_utils._variables import (
    MACHINE,
    fault,
    is_limit,
    is_switch,
    number,
    quoted,
)

# Of a value: what to give instead; None where it fits
Rule = t.Callable[[t.Any], "str | None"]

FAIL_ON = re.compile(r"(down|usage)()|(limit|disk|backup)([0-9]{0,6})")
FAIL_ON_WISH = (
    "give any of down, limit80 (per cent of the limit used), disk5 (GiB free), backup26 (hours since the last one) and "
    "usage, with commas between"
)
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_HASH = re.compile(r"[0-9a-f]{64}")
_SNAPSHOT = re.compile(r"latest|[0-9a-f]{4,64}")


def _wants(fits: t.Callable[[t.Any], bool], wish: str) -> Rule:
    return lambda value: None if fits(value) else wish


def _text(pattern: re.Pattern[str]) -> t.Callable[[t.Any], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _line(longest: int) -> t.Callable[[t.Any], bool]:
    """Text on one line, every character of which is seen."""
    return lambda value: isinstance(value, str) and shown(value, longest) == value


def _switch(value: t.Any) -> bool:
    return is_switch(value) or (isinstance(value, str) and value.lower() in ("1", "0", "y", "n", "t", "f"))


def _whole(least: int) -> t.Callable[[t.Any], bool]:
    def fits(value: t.Any) -> bool:
        found = number(value)
        return found is not None and found.is_integer() and least <= found < 10**6

    return fits


def _amount(value: t.Any) -> bool:
    found = number(value)
    return found is not None and 0 <= found < 10**12


def _conditions(value: t.Any) -> bool:
    """As in C(down,limit80)."""
    return isinstance(value, str) and all(FAIL_ON.fullmatch(word.strip()) for word in value.split(",") if word.strip())


def _as(variable: str, value: t.Any) -> str | None:
    """By the rule of a client's variable, in its words."""
    found = fault(variable, value)
    return found and found.partition(": ")[2]


def _inventory(value: t.Any) -> bool:
    """A name, or an id, which is a number."""
    return _line(512)(value) or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


_NAME = _wants(_line(100), "give a name of the inventory")
_SWITCH = _wants(_switch, "give true or false")
_FILE = _wants(_line(4096), "give the path of a file, on one line")
_MACHINE = _wants(_text(MACHINE), "give its host name or address, as Ansible is to reach it")

RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("ask", "carry_usage", "continue", "delete_old", "fail_on_drift", "fail_on_unknown", "host_lost"),
            *("keep_running", "make_administrator", "new_secret_key", "onboard", "paid_test", "purge_data", "remember"),
            *("replace_lost_key", "restart", "restore_database", "take_lock", "when_idle", "without_backup"),
        ),
        _SWITCH,
    ),
    "canary": _NAME,
    "confirm": _NAME,
    "restore_to": _NAME,
    "host": _MACHINE,
    "machine": _MACHINE,
    "container": _wants(_text(_CONTAINER), "give the name of a container"),
    "email": lambda value: _as("mai_admin_email", value),
    "new_image": lambda value: _as("mai_image", value),
    "new_start_command": lambda value: _as("mai_start_command", value),
    "new_limit": _wants(
        is_limit, "give USD per calendar month, as in -e new_limit=750, or -e new_limit=none for no limit"
    ),
    "key_hash": _wants(_text(_HASH), "give the hash of a key, 64 hexadecimal digits"),
    "snapshot": _wants(_text(_SNAPSHOT), "give the id of a snapshot, as in e38ed470, or latest"),
    "fail_on": _wants(_conditions, FAIL_ON_WISH),
    "idle_minutes": _wants(_whole(0), "give minutes, a whole number"),
    "older_than_days": _wants(_whole(0), "give days, a whole number"),
    "disk_gib": _wants(_amount, "give GiB, a number in digits"),
    "memory_mib": _wants(_amount, "give MiB, a number in digits"),
    "test_model": _wants(_line(200), "give the name of a model, on one line"),
    "json_file": _FILE,
    "csv_file": _FILE,
    "new_password_file": _FILE,
    "mai_inventory_backend": _wants(lambda value: value in ("files", "awx"), "give files or awx"),
    "mai_awx_inventory": _wants(_inventory, "give the name of an inventory in AWX, on one line, or its id"),
}


def answer_problem(given: t.Mapping[str, t.Any]) -> str:
    """The first of the answers that nobody can mean; empty if there is none."""
    for name in sorted(name for name in given if name in RULES):
        value = given[name]
        if value is None or value == "" or _is_template(value):
            continue
        problem = problem_of(name, value)
        if problem:
            return problem
    return ""


def problem_of(name: str, value: t.Any) -> str:
    """What is wrong with one, once a template has its value; to what has to be given, an empty one is no answer."""
    wish = RULES[name](value)
    return f"{name} is {quoted(value)}: {wish}. Nothing was touched." if wish else ""


def _is_template(value: t.Any) -> bool:
    """Of the operator's own, at the terminal; in a survey's answer a template is text."""
    return is_template(value) and is_trusted_as_template(value)
