# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment gets what the collection needs, and none of the test tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from scripts import tree

BUILDER = str(Path(sys.executable).with_name("ansible-builder"))


def builder(*arguments: str, cwd: Path) -> str:
    finished = subprocess.run([BUILDER, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_collection_asks_for_two_libraries(tmp_path):
    tree.copy_as_collection(tmp_path)
    found = yaml.safe_load(builder("introspect", str(tmp_path), cwd=tmp_path))
    libraries = [f"{library}  # from collection mai.clients" for library in ("httpx>=0.27", "ruamel.yaml>=0.18")]
    assert found == {"python": libraries, "system": []}


def test_the_example_can_be_built(tmp_path):
    clone = tree.copy(tmp_path / "clone")
    builder("create", "--context", str(tmp_path / "context"), "--output-filename", "Containerfile", cwd=clone)
    assert "httpx>=0.27" in (tmp_path / "context" / "_build" / "requirements.txt").read_text()
    assert "community.docker" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()
    assert "-m compileall" in (tmp_path / "context" / "Containerfile").read_text()
