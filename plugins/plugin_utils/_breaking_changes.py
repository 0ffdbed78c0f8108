# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed in this collection that an operator has to decide about, version by version. This is its only list.

This is private to the collection. The changelog's breaking_changes are the same sentences, which a test sees to.
"""

from __future__ import annotations

import functools
import pathlib
import re
import typing as t
from dataclasses import dataclass, field

_ROOT = pathlib.Path(__file__).parents[2]


@dataclass(frozen=True)
class Change:
    """A change, and how to go on; both are whole sentences for a person."""

    version: str  # the first that has it
    what: str
    how: str
    # Whom it concerns: those clients whose variables have one of these values; empty: everyone
    concerns: t.Mapping[str, t.Collection[t.Any]] = field(default_factory=dict)
    # Variables by their former names, and what they are called now; "" for one that is gone
    renamed: t.Mapping[str, str] = field(default_factory=dict)


# The oldest first. 0.1.0 is the first version, so nothing came before it.
CHANGES: tuple[Change, ...] = ()


@functools.lru_cache(maxsize=None)
def collection_version() -> str:
    """Of this collection; a clone has it in galaxy.yml, what ansible-galaxy installed in MANIFEST.json."""
    for name, pattern in (("MANIFEST.json", r'"version": *"([^"]+)"'), ("galaxy.yml", r"(?m)^version: *(\S+)")):
        file = _ROOT / name
        found = re.search(pattern, file.read_text(encoding="utf-8")) if file.is_file() else None
        if found:
            return found[1].strip("\"'")
    raise FileNotFoundError("neither galaxy.yml nor MANIFEST.json of mai.clients tells its version")
