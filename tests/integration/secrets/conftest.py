# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest ansible-core that the collection supports, beside the one that is installed."""

from __future__ import annotations

import fcntl
import pathlib
import subprocess
import sys
import typing as t
from importlib.metadata import version

import pytest

from tests.integration.openrouter_key.conftest import ROOT, Stage
from tests.openrouter_simulator import Simulator

OLDEST = "2.19.14"


@pytest.fixture(scope="session", params=["installed", OLDEST])
def ansible_playbook(request: pytest.FixtureRequest) -> pathlib.Path:
    if request.param == "installed":
        return pathlib.Path(sys.executable).with_name("ansible-playbook")
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    venv = cache / f"ansible-core-{OLDEST}-python{sys.version_info[0]}.{sys.version_info[1]}"
    with open(cache / f"{venv.name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / ".ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
            packages = [f"ansible-core=={OLDEST}", f"httpx=={version('httpx')}"]
            subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "-qq", *packages], check=True)
            (venv / ".ready").touch()
    return venv / "bin" / "ansible-playbook"


@pytest.fixture
def stage(tmp_path: pathlib.Path, ansible_playbook: pathlib.Path) -> t.Iterator[Stage]:
    with Simulator() as openrouter:
        yield Stage(openrouter, tmp_path, ansible_playbook)
