# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much there is to read, by folder: lines of the files that git knows, without what a tool wrote."""

from __future__ import annotations

import collections
import subprocess
import typing as t

from tests.hosts.paths import REPOSITORY

# The first folder that fits.
FOLDERS = {
    "roles": ("roles/",),
    "playbooks": ("playbooks/",),
    "plugins/modules and action": ("plugins/modules/", "plugins/action/"),
    "plugins/filter": ("plugins/filter/",),
    "plugins/plugin_utils": ("plugins/plugin_utils/",),
    "plugins/module_utils": ("plugins/module_utils/",),
    "other plugins": ("plugins/",),
    "tests": ("tests/",),
    "docs": ("docs/",),
    "scripts": ("scripts/",),
}
WRITTEN_BY_TOOLS = (".svg", ".lock")


def counted() -> list[dict[str, t.Any]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    files = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file() and not path.is_symlink():
            files[name] = path.read_bytes().count(b"\n")
    return by_folder(files)


def by_folder(files: t.Mapping[str, int]) -> list[dict[str, t.Any]]:
    """Files and their lines → folders, in their order, those without a file left out."""
    lines: collections.Counter[str] = collections.Counter()
    count: collections.Counter[str] = collections.Counter()
    for name, length in files.items():
        folder = next((folder for folder, starts in FOLDERS.items() if name.startswith(starts)), None)
        if folder is not None and not name.endswith(WRITTEN_BY_TOOLS):
            lines[folder] += length
            count[folder] += 1
    return [{"folder": folder, "files": count[folder], "lines": lines[folder]} for folder in FOLDERS if count[folder]]
