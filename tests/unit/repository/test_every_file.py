# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that hold for every file of the repository."""

from __future__ import annotations

import re

import pytest

from scripts import tree
from tests.unit.repository.tasks import ROOT, load

FILES = [path for path in tree.files() if not (ROOT / path).is_symlink()]
TEXTS = {path: (ROOT / path).read_bytes().decode("utf-8", errors="replace") for path in FILES}
PYTHON = [path for path in FILES if path.suffix == ".py" and TEXTS[path]]

PYTHON_HEADER = """\
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

# Packages come from wherever pip, npm, apt and docker are told to get them on the machine at hand, and nothing here
# depends on one machine's directories. The words are put together so that this file does not hold them.
FORBIDDEN = [
    r"\bpypi\." + "org",
    "python" + "hosted",
    "registry" + r"\.npmjs",
    "deb" + r"\.debian\.org",
    "galaxy" + r"\.ansible\.com",
    "ghcr" + r"\.io",
    "quay" + r"\.io",
    "registry-1" + r"\.docker",
    "/wo" + "rk/",
    "py" + "env",
]


@pytest.mark.parametrize("word", FORBIDDEN)
def test_no_package_registry_and_no_machine_is_named(word):
    found = [str(path) for path, text in TEXTS.items() if re.search(word, text)]
    assert found == []


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_python_files_have_the_header(path):
    assert TEXTS[path].removeprefix("#!/usr/bin/python\n").startswith(PYTHON_HEADER)


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parts[0] == "plugins" and path in PYTHON and path.name != "__init__.py"],
    ids=str,
)
def test_annotations_of_plugins_stay_text(path):
    """Python 3.8 on a client's host would otherwise evaluate newer ones."""
    assert "from __future__ import annotations\n" in TEXTS[path]


def test_private_helpers_are_marked():
    """Names without the underscore would be public, and other collections could rely on them."""
    helpers = {
        path.parts[2] for path in FILES if path.parts[:2] in (("plugins", "module_utils"), ("plugins", "plugin_utils"))
    }
    assert helpers
    assert [name for name in helpers if not name.startswith("_")] == []


def test_no_secret_was_committed():
    """Made-up keys of tests are short, repeat one character, or are computed."""
    key = re.compile(r"sk-or-v1-([0-9a-f]{64})")
    found = [(str(path), match) for path, text in TEXTS.items() for match in key.findall(text) if len(set(match)) > 4]
    assert found == []


def test_the_dependencies_are_those_of_a_clone():
    galaxy = load(TEXTS[tree.Path("galaxy.yml")])["dependencies"]
    clone = load(TEXTS[tree.Path("collections/requirements.yml")])["collections"]
    # Beside these, AWX gets the clone itself
    assert clone.pop() == {"name": ".", "type": "dir"}
    assert galaxy == {entry["name"]: entry["version"] for entry in clone}
