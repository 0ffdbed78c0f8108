# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command, and what it cost."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

from tests.hosts.paths import REPOSITORY

LAUNCHER = pathlib.Path(__file__).with_name("launch.py")
PROGRAMS = pathlib.Path(sys.executable).parent


@dataclasses.dataclass(frozen=True)
class Cost:
    seconds: float
    cpu_seconds: float
    peak_mib: float
    others_share: float


def command(folder: pathlib.Path, *words: str, **environment: str) -> Cost:
    """Run it in the repository, with nothing of this process's own settings of Ansible or OpenRouter."""
    figures, output = folder / "figures.json", folder / "output.txt"
    foreign = ("ANSIBLE_", "OPENROUTER_", "PYTHON")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{PROGRAMS}:{inherited.get('PATH', os.defpath)}",
        # Only loopback is spoken to.
        "NO_PROXY": "127.0.0.1",
    }
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(figures), str(output), *words]
    subprocess.run(launcher, cwd=REPOSITORY, env={**inherited, **own, **environment}, check=True)
    measured: dict[str, t.Any] = json.loads(figures.read_text())
    if measured["code"]:
        end = output.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"`{' '.join(words)}` ended with {measured['code']}:\n{end}")
    return Cost(measured["seconds"], measured["cpu_seconds"], measured["peak_kib"] / 1024, measured["others_share"])


def playbook(folder: pathlib.Path, name: str, variables: dict[str, t.Any], **environment: str) -> Cost:
    extra = folder / "variables.json"
    extra.write_text(json.dumps(variables))
    path = LAUNCHER.with_name("playbooks") / name
    program = str(PROGRAMS / "ansible-playbook")
    return command(folder, program, "--inventory", "localhost,", str(path), "--extra-vars", f"@{extra}", **environment)
