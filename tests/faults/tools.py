# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the target that do something else than they should."""

from __future__ import annotations

import pathlib
import shutil


def tool(directory: pathlib.Path, name: str, script: str) -> str:
    """A directory for PATH with this script in place of a command, which it may call as "$real"."""
    tools = directory / "tools"
    tools.mkdir(exist_ok=True)
    path = tools / name
    path.write_text(f"#!/bin/sh\nreal={shutil.which(name)}\n{script}\n")
    path.chmod(0o755)
    return str(tools)
