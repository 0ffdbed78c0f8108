# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment gets what the collection needs, and none of the test tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import tree

PROGRAMS = Path(sys.executable).parent
LIBRARIES = ["httpx>=0.27", "ruamel.yaml>=0.18"]
PACKAGES = ["openssh-clients [platform:rpm]", "openssh-client [platform:dpkg]"]
# Definition: the release of ansible-core that it pins, and the oldest Python of that release
DEFINITIONS = {
    "execution-environment.yml": ("2.21.5", "3.12"),
    "execution-environment-2.19.yml": ("2.19.14", "3.11"),
}
NEEDED_BY_OTHERS = {"awx.awx": ">=24.6.1"}  # of awx_setup.yml, which only some use


def run(program: str, *arguments: str, cwd: Path) -> str:
    finished = subprocess.run(
        [str(PROGRAMS / program), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def entries(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_published_collection_asks_for_two_libraries_and_ssh(tmp_path):
    """As ansible-builder reads it in an image: from what was published and installed there, which has to be in it."""
    artefact = tree.build(tmp_path / "artefact")
    run("ansible-galaxy", "collection", "install", str(artefact), "--no-deps", "--offline", "-p", ".", cwd=tmp_path)
    found = yaml.safe_load(run("ansible-builder", "introspect", str(tmp_path), cwd=tmp_path))
    assert found == {
        "python": [f"{library}  # from collection mai.clients" for library in LIBRARIES],
        "system": [f"{package}  # from collection mai.clients" for package in PACKAGES],
    }


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_images_can_be_built(tmp_path, name):
    clone, core = tree.copy(tmp_path / "clone"), DEFINITIONS[name][0]
    options = ("--file", name, "--context", str(tmp_path / "context"), "--output-filename", "Containerfile")
    run("ansible-builder", "create", *options, cwd=clone)
    context, build = tmp_path / "context", tmp_path / "context" / "_build"
    # Whatever else lies in the clone stays out of the image
    assert {path.name for path in build.iterdir()} == {"requirements.txt", "requirements.yml", "bindep.txt", "scripts"}
    assert entries((build / "requirements.txt").read_text()) == LIBRARIES
    assert entries((build / "bindep.txt").read_text()) == PACKAGES
    wanted = {**yaml.safe_load((clone / "galaxy.yml").read_text())["dependencies"], **NEEDED_BY_OTHERS}
    collections = yaml.safe_load((build / "requirements.yml").read_text())["collections"]
    assert {entry["name"]: entry["version"] for entry in collections} == wanted
    steps = (context / "Containerfile").read_text()
    assert f"ansible-core=={core} ansible-runner" in steps
    assert "-m compileall" in steps


def test_the_definitions_differ_in_the_release_only():
    texts = []
    for name, (core, python) in DEFINITIONS.items():
        text = (tree.ROOT / name).read_text().partition("version: 3\n")[2]
        assert f"ansible-core=={core}\n" in text and f"Python {python} or newer" in text
        texts.append(text.replace(core, "CORE").replace(f"Python {python}", "Python"))
    assert texts[0] == texts[1]


def test_the_releases_are_those_that_the_tests_run_with():
    lock = (tree.ROOT / "tests" / "requirements.lock").read_text()
    assert all(f"ansible-core=={core} ;" in lock for core, _python in DEFINITIONS.values())
