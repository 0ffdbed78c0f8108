# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private variable stays where it was made: `_instance_x` in the role instance, `_rotate_x` in rotate_key.yml.

What crosses a border is public: mai_seen, mai_key, mai_plan, mai_checks, mai_changes, and the options of entry points.
"""

from __future__ import annotations

import re
from collections import Counter

from tests.unit.repository.tasks import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
# The word that its variables begin with → a playbook, and the file of its steps
PLAYBOOKS: dict[str, list[str]] = {}
for _path in sorted([*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks" / "tasks").glob("*.yml")]):
    _word = re.sub(r"^client_|_(?:client|clients|key)$", "", _path.stem)
    PLAYBOOKS.setdefault(_word, []).append(str(_path.relative_to(ROOT)))
NAME = re.compile(r"(?<![A-Za-z0-9_.])_([a-z][a-z0-9_]*)")


def home(name: str) -> list[str]:
    """Where a private variable belongs: a role's folder, or a playbook and its steps."""
    places = {role: [f"roles/{role}/"] for role in ROLES}
    for word, files in PLAYBOOKS.items():
        # A role and a playbook may go by the same word
        places[word] = [*places.get(word, []), *files]
    for word in sorted(places, key=len, reverse=True):
        if name == word or name.startswith(f"{word}_"):
            return places[word]
    return []


def crossings() -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for folder in ("roles", "playbooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".yml", ".j2"):
                continue
            place = str(path.relative_to(ROOT))
            for name in NAME.findall(path.read_text(encoding="utf-8")):
                belongs = home(name)
                if belongs and not place.startswith(tuple(belongs)):
                    found[place, f"_{name}"] += 1
    return found


def test_no_private_variable_crosses_a_border():
    assert crossings() == {}


def test_every_private_variable_has_a_home():
    homeless = {
        (str(path.relative_to(ROOT)), f"_{name}")
        for folder in ("roles", "playbooks")
        for path in (ROOT / folder).rglob("*.yml")
        for name in NAME.findall(path.read_text(encoding="utf-8"))
        if not home(name)
    }
    assert homeless == set()


def test_the_borders_are_seen():
    assert home("instance_bind") == ["roles/instance/"]
    assert home("api_key_result") == ["roles/api_key/"]
    assert home("rotate_due") == ["playbooks/rotate_key.yml", "playbooks/tasks/rotate.yml"]
    assert home("list_rows") == ["playbooks/list_clients.yml"]
    assert home("nobodys") == []
    assert NAME.findall("{{ _mai_look.instance._x + ['_y', _z] }}") == ["mai_look", "y", "z"]
