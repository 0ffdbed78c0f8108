# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published is what a playbook can use, and nothing of the working directory besides."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import tree

PUBLISHED = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "bindep.txt",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}
LEFT_BEHIND = (
    ".cache/engine/dockerd",
    ".demo/provisioning-key",
    ".venv/bin/python",
    "build/report.md",
    "changelogs/.plugin-cache.yaml",
    "handovers/company-abc.md",
    "inventories/production/hosts.yml",
    "plugins/modules/__pycache__/openrouter_key.cpython-313.pyc",
    "tests/output/result.json",
)


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> dict[str, tarfile.TarInfo]:
    """Built in a directory in which somebody has worked, by the command that anybody would use."""
    clone = tree.copy(tmp_path_factory.mktemp("artefact") / "clone")
    for name in LEFT_BEHIND:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("left behind", encoding="utf-8")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([str(galaxy), "collection", "build", "--output-path", "..", "."], cwd=clone, check=True)
    (artefact,) = clone.parent.glob("mai-clients-*.tar.gz")
    with tarfile.open(artefact) as archive:
        return {member.name: member for member in archive.getmembers()}


def test_nothing_else_is_in_it(members):
    assert {name.split("/")[0] for name in members} <= PUBLISHED


def test_nothing_left_behind_is_in_it(members):
    assert not set(LEFT_BEHIND) & set(members)
    assert not [name for name in members if "__pycache__" in name or "/." in name]


def test_there_is_no_link_in_it(members):
    assert [name for name, member in members.items() if not (member.isfile() or member.isdir())] == []


def test_everything_that_playbooks_use_is_in_it(members):
    parts = {"plugins", "roles", "playbooks", "meta"}
    assert {str(path) for path in tree.files() if path.parts[0] in parts} <= set(members)
    # What meta/execution-environment.yml names: without them, the build of an image stops
    assert {"requirements.txt", "bindep.txt"} <= set(members)
