# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private variable stays where it was made: `_instance_x` in the role instance, `_rotate_x` in rotate_key.yml.

What crosses a border is public: mai_seen, mai_key, mai_plan, mai_checks, mai_changes, and the options of entry points.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import yaml

from tests.unit.repository.tasks import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
# Its first word → the one file of playbooks/ whose variables begin with it
PLAYBOOKS = {
    re.sub(r"^client_|_(?:client|clients|key)$", "", path.stem): path.relative_to(ROOT)
    for folder in ("playbooks", "playbooks/tasks")
    for path in sorted((ROOT / folder).glob("*.yml"), reverse=True)
}
OFFENDERS = Path(__file__).with_name("fence.yml")
NAME = re.compile(r"(?<![A-Za-z0-9_.])_([a-z][a-z0-9_]*)")


def home(name: str) -> str | None:
    """Where a private variable belongs: a role's folder or a playbook."""
    for role in sorted(ROLES, key=len, reverse=True):
        if name.startswith(f"{role}_") or name == role:
            return f"roles/{role}/"
    for word in sorted(PLAYBOOKS, key=len, reverse=True):
        if name.startswith(f"{word}_"):
            return str(PLAYBOOKS[word])
    return None


def crossings() -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for folder in ("roles", "playbooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".yml", ".j2"):
                continue
            place = str(path.relative_to(ROOT))
            for name in NAME.findall(path.read_text(encoding="utf-8")):
                belongs = home(name)
                if belongs and not place.startswith(belongs):
                    found[place, f"_{name}"] += 1
    return found


def test_no_other_private_variable_crosses_a_border():
    """The list only ever gets shorter, until it is empty and goes."""
    known = {
        (place, name)
        for place, names in yaml.safe_load(OFFENDERS.read_text(encoding="utf-8")).items()
        for name in names
    }
    assert set(crossings()) == known


def test_every_private_variable_has_a_home():
    homeless = {
        (str(path.relative_to(ROOT)), f"_{name}")
        for folder in ("roles", "playbooks")
        for path in (ROOT / folder).rglob("*.yml")
        for name in NAME.findall(path.read_text(encoding="utf-8"))
        if home(name) is None
    }
    assert homeless == set()


def test_the_borders_are_seen():
    assert home("instance_bind") == "roles/instance/"
    assert home("api_key_result") == "roles/api_key/"
    assert home("rotate_due") == "playbooks/rotate_key.yml"
    assert home("list_rows") == "playbooks/list_clients.yml"
    assert home("nobodys") is None
    assert NAME.findall("{{ _mai_look.instance._x + ['_y', _z] }}") == ["mai_look", "y", "z"]
