# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role instance asks an image's own Python: where its migrations end."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[3] / "roles" / "instance" / "files" / "schema_heads.py"
MIGRATIONS = {
    "first.py": 'revision = "a1"\ndown_revision = None\n',
    "second.py": 'from typing import Union\nrevision: str = "b2"\ndown_revision: Union[str, None] = "a1"\nx[0] = 1\n',
    "branch.py": 'revision = "c3"\ndown_revision = "a1"\n',
    "merge.py": 'revision = "d4"\ndown_revision = ("b2", "c3")\n',
}


@pytest.mark.parametrize(
    ("present", "heads"),
    [
        (list(MIGRATIONS), "d4"),
        (["first.py"], "a1"),
        (["first.py", "second.py", "branch.py"], "b2, c3"),
        ([], ""),
        (None, ""),
    ],
)
def test_the_ends_of_the_history(tmp_path: pathlib.Path, present: list[str] | None, heads: str) -> None:
    if present is not None:
        folder = tmp_path / "open_webui" / "migrations" / "versions"
        folder.mkdir(parents=True)
        # Read, never run
        (tmp_path / "open_webui" / "__init__.py").write_text("raise SystemExit(3)")
        for name in present:
            (folder / name).write_text(MIGRATIONS[name])
    command = [sys.executable, "-c", SCRIPT.read_text()]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == heads
