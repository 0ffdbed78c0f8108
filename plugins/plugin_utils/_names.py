# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of variables that nobody reads: misspelt, or of former versions. A variable that is passed over does harm.

This is private to the collection.
"""

from __future__ import annotations

import difflib
import functools
import pathlib
import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import CHANGES, Change

_COLLECTION = pathlib.Path(__file__).parents[2]
_OPTION = re.compile(r"^      ((?:mai|openrouter)_\w+):", re.MULTILINE)
# What roles publish for the others of a run: mai, see its entry point plan, and api_key; and for the next job of a
# workflow, which has it as an extra variable
FACTS = ("mai_handover", "mai_seen", "mai_key", "mai_keys", "mai_plan", "mai_checks", "mai_changes", "mai_variables")
# What more than one playbook takes with -e; the headers of the playbooks name the others
SWITCHES = ("remember", "replace_lost_key", "take_lock")
_EXTRA = re.compile(r" -e ([a-z_]+)=")


@functools.lru_cache(maxsize=None)
def known_names() -> frozenset[str]:
    """Every variable that a role documents, and what is published."""
    specs = (file.read_text(encoding="utf-8") for file in _COLLECTION.glob("roles/*/meta/argument_specs.yml"))
    return frozenset([*FACTS, *(name for spec in specs for name in _OPTION.findall(spec))])


@functools.lru_cache(maxsize=None)
def extra_variables() -> frozenset[str]:
    """Every variable that some playbook takes with -e besides those of a client."""
    heads = (file.read_text(encoding="utf-8").partition("\n- ")[0] for file in _COLLECTION.glob("playbooks/*.yml"))
    return frozenset([*SWITCHES, *(name for head in heads for name in _EXTRA.findall(head))])


def _nearest(name: str, known: t.Collection[str], cutoff: float) -> str:
    """The name that was meant; several where each of them may have been."""
    # A fact of a run is nobody's to set
    settable = sorted(set(known) - set(FACTS))
    words = set(name.split("_"))
    near = [one for one in settable if one.startswith(name) or words <= set(one.split("_"))]
    return " or ".join(near[:3] or difflib.get_close_matches(name, settable, n=1, cutoff=cutoff))


def name_problems(
    given: t.Iterable[t.Any], known: t.Collection[str], changes: t.Sequence[Change] = CHANGES
) -> list[str]:
    """What is wrong with the names of a client's variables."""
    renamed = {old: (change.version, new) for change in changes for old, new in change.renamed.items()}
    found = []
    for name in sorted({name for name in given if isinstance(name, str)} - set(known)):
        # The provisioning key and OpenRouter's address; other roles may have names that begin so
        foreign = not name.startswith("mai_")
        if foreign and not name.startswith("openrouter_"):
            continue
        near = _nearest(name, known, 0.9 if foreign else 0.6)
        if name in renamed:
            version, new = renamed[name]
            now = f"is called {new} since {version}: rename it" if new else f"is gone since {version}: remove it"
            found.append(f"{name} {now}")
        elif near:
            found.append(f"{shown(name, 60)} is no variable of mai.clients: did you mean {near}?")
        elif not foreign:
            found.append(
                f"{shown(name, 60)} is no variable of mai.clients, whose names begin with mai_: give what is your own "
                "another name"
            )
    return found


def extra_variable_problem(given: t.Iterable[t.Any]) -> str:
    """A misspelt -e name=…, which would be passed over; others may be of the operator's own."""
    known = {name for name in extra_variables() if not name.startswith("mai_")}
    for name in sorted(name for name in given if isinstance(name, str) and not name.startswith("mai_")):
        near = "" if name in known else _nearest(name, known, 0.8)
        if near:
            return f"-e {shown(name, 60)}=… is nothing that a playbook of mai.clients takes: did you mean -e {near}=…?"
    return ""
