# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the tasks in the repository's YAML: of roles, playbooks, and the EXAMPLES of plugins."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")


class Loader(yaml.SafeLoader):
    """Reads tags such as !vault and !unsafe as a value that is known only at run time."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: f"{{{{ {suffix} }}}}")


@dataclass(frozen=True)
class Task:
    place: str
    action: str
    arguments: Any

    def __str__(self) -> str:
        return f"{self.place}: {self.action}"


def load(text: str) -> Any:
    return yaml.load(text, Loader=Loader)


def walk(node: Any, place: str) -> Iterator[Task]:
    """Every task in a list of tasks or plays, blocks included. An action is a key with a collection's name."""
    for entry in node or []:
        for key, value in entry.items():
            if key in TASK_LISTS:
                yield from walk(value, place)
            elif key.count(".") >= 2:
                yield Task(f"{place}: {entry.get('name', '(no name)')}", key, value)


def tasks_of_roles_and_playbooks() -> list[Task]:
    files = [
        *ROOT.glob("roles/*/tasks/**/*.yml"),
        *ROOT.glob("roles/*/handlers/**/*.yml"),
        *ROOT.glob("playbooks/**/*.yml"),
        *ROOT.glob("extensions/molecule/*/*.yml"),
    ]
    found = []
    for path in sorted(files):
        content = load(path.read_text(encoding="utf-8"))
        if isinstance(content, list):
            found += walk(content, str(path.relative_to(ROOT)))
    return found


def constant(path: Path, name: str) -> str | None:
    """A string that a Python file assigns to a name, such as EXAMPLES."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", None) == name:
            return ast.literal_eval(statement.value)
    return None


def examples(path: Path) -> str | None:
    """The examples of a plugin, from the file itself or from the YAML file beside it."""
    if path.suffix == ".yml":
        return load(path.read_text(encoding="utf-8")).get("EXAMPLES")
    return constant(path, "EXAMPLES")


def tasks_of_examples(path: Path) -> list[Task]:
    return list(walk(load(examples(path) or ""), f"EXAMPLES of {path.relative_to(ROOT)}"))
