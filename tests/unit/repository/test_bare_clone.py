# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare clone runs: its playbooks and its own names are found without any installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import tree

BIN = Path(sys.executable).parent
PLAYBOOKS = sorted(path.stem for path in (tree.ROOT / "playbooks").glob("*.yml"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    return tree.copy(tmp_path_factory.mktemp("bare") / "clone")


def run(clone: Path, program: str, *arguments: str) -> str:
    """Runs with nothing of the developer's settings and home directory."""
    environment = {"PATH": f"{BIN}{os.pathsep}{os.defpath}", "HOME": str(clone.parent), "LC_ALL": "C.UTF-8"}
    finished = subprocess.run(
        [str(BIN / program), *arguments],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_link_to_itself_is_committed():
    listed = subprocess.run(
        ["git", "ls-files", "--stage", ".ansible"], cwd=tree.ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    assert [(line.split()[0], line.split("\t")[1]) for line in listed] == [
        ("120000", ".ansible/collections/ansible_collections/mai/clients")
    ]


def test_modules_are_those_of_the_clone(clone):
    found = json.loads(run(clone, "ansible-doc", "--type", "module", "--json", "mai.clients.openrouter_key"))
    assert Path(found["mai.clients.openrouter_key"]["doc"]["filename"]).resolve().is_relative_to(clone.resolve())


def test_roles_are_found(clone):
    assert "mai.clients.mai" in json.loads(
        run(clone, "ansible-doc", "--type", "role", "--list", "--json", "mai.clients")
    )


@pytest.mark.parametrize("named", ["playbooks/{}.yml", "mai.clients.{}"])
def test_playbooks_are_found_by_file_and_by_name(clone, named):
    checked = run(clone, "ansible-playbook", "--syntax-check", *map(named.format, PLAYBOOKS))
    assert [line.rpartition("/")[2] for line in checked.splitlines() if line.startswith("playbook: ")] == [
        f"{name}.yml" for name in PLAYBOOKS
    ]


def test_the_example_inventory_is_the_default(clone):
    graph = json.loads(run(clone, "ansible-inventory", "--list"))
    assert len(graph["mai_clients"]["hosts"]) == 3
