# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a client as it is kept on the controller.

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.mai.clients.plugins.module_utils._instance import private_file


def read(path: str) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8", newline="") as file:
        return file.read()
    return None


def write(path: str, text: str) -> None:
    """For its owner only; its directory is made where it is missing."""
    path = os.path.abspath(path)
    os.makedirs(os.path.dirname(path), mode=private_file.DIRECTORY_MODE, exist_ok=True)
    private_file.write(path, text)
