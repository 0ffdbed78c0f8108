# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the artefact as Galaxy would. galaxy-importer ends with 0 whatever it finds, so its output is read."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

# Its ansible-lint would be the one of our own stage, with fewer rules
CONFIGURATION = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
CHECK_CHANGELOG = True
RUN_ANSIBLE_LINT = False
RUN_ANSIBLE_TEST = False
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        configuration = directory / "galaxy-importer.cfg"
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        artefact = tree.build(directory)
        imported = subprocess.run(
            [sys.executable, "-m", "galaxy_importer.main", str(artefact)],
            cwd=directory,
            env={**os.environ, "GALAXY_IMPORTER_CONFIG": str(configuration)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(imported.stdout)
    complaints = [line for line in imported.stdout.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    finished = "Importer processing completed successfully" in imported.stdout
    if complaints or not finished or imported.returncode:
        print(f"galaxy-importer: {len(complaints)} complaints" + ("" if finished else ", and it did not finish"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
