# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside an instance's container: the revisions at which its release's migrations end, with commas between.

With the argument "all": every revision that it knows, the ends first.
"""

import ast
import importlib.util
import pathlib
import sys


def heads(folder, every=False):
    made, replaced = set(), set()
    for path in folder.glob("*.py"):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            name = getattr(targets[0], "id", None)
            if name in ("revision", "down_revision"):
                value = ast.literal_eval(statement.value)
                found = {value} if isinstance(value, str) else set(value or ())
                (made if name == "revision" else replaced).update(found)
    ends = sorted(made - replaced)
    return ends + sorted(made & replaced) if every else ends


package = importlib.util.find_spec("open_webui")
if package:
    versions = pathlib.Path(package.submodule_search_locations[0], "migrations", "versions")
    print(", ".join(heads(versions, sys.argv[1:] == ["all"])))
