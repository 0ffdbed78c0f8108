# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as an operator has it, a bare clone, and its playbooks run by the real ansible-playbook."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .host import Host
from .paths import REPOSITORY

TARGET_PYTHON = shutil.which("python3", path="/usr/bin") or sys.executable
"""For this machine as a target: the system's Python, as on any target, which starts modules in a third of the time."""

_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+(?:\s+\w+=\d+)+)\s*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Project:
    """A bare clone: only what git knows or would take, the link to itself included."""

    path: pathlib.Path
    ansible_home: pathlib.Path
    """Ansible's own working files, sockets of SSH connections among them: hence a short path."""

    @classmethod
    @contextlib.contextmanager
    def clone(cls, target: pathlib.Path) -> Iterator[Project]:
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            source, copy = REPOSITORY / name, target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # deleted, but not yet for git
                shutil.copy2(source, copy, follow_symlinks=False)
        home = pathlib.Path(tempfile.mkdtemp(prefix="mai-"))
        try:
            yield cls(target, home)
        finally:
            # SSH keeps connections open for a while after a run; nothing of ours stays behind.
            for control in (home / "cp").glob("*"):
                subprocess.run(
                    ["ssh", "-o", f"ControlPath={control}", "-O", "exit", "-"], capture_output=True, check=False
                )
            shutil.rmtree(home)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run of a playbook came to."""

    rc: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        """The recap: {host: {ok, changed, unreachable, failed, skipped, rescued, ignored: count}}"""
        return {
            host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)}
            for host, counts in _RECAP.findall(self.stdout)
        }

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def said(self) -> str:
        """What it printed as one line: a sentence is found in it however YAML breaks and quotes it."""
        return " ".join(self.stdout.split()).replace("''", "'")

    def total(self, name: str) -> int:
        """Sum of one column of the recap: total("changed")."""
        return sum(counts[name] for counts in self.stats.values())


class Run:
    """A playbook that runs; wait for it, or send it a signal."""

    def __init__(self, command: list[str], project: Project, env: Mapping[str, str]) -> None:
        # Files, no pipes: what a killed run leaves behind would keep a pipe open, and its reader waiting.
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the run)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            cwd=project.path,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
            start_new_session=True,
        )

    def signal(self, number: signal.Signals, whole_group: bool = True) -> None:
        """Send a signal: as a terminal or a dying machine does to the whole group, or to ansible-playbook alone."""
        if whole_group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to everything that it started, too: Ansible's workers are in sessions of their own."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def output(self) -> str:
        """What it printed until now."""
        return self._read(self._stdout) + self._read(self._stderr)

    def wait(self, seconds: float = 600) -> Result:
        try:
            rc = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"The playbook did not end within {seconds:.0f} s:\n{self.output()}") from None
        return Result(rc, self._read(self._stdout), self._read(self._stderr), time.monotonic() - self._started)

    @staticmethod
    def _read(file: Any) -> str:
        # Not through the file's own position: the run writes at it.
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def descendants(pid: int) -> list[int]:
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return []
    return [other for child in children for other in (int(child), *descendants(int(child)))]


def prepared(
    project: Project,
    playbook: str,
    *arguments: str,
    inventory: pathlib.Path | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The command of a playbook of the project, a path in it, and its environment: nothing of this process's own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OPENROUTER_"))}
    programs = pathlib.Path(sys.executable).parent
    settings = {
        "ANSIBLE_HOME": str(project.ansible_home),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{programs}:{inherited.get('PATH', os.defpath)}",
    }
    command = [str(programs / "ansible-playbook"), playbook, *arguments]
    if inventory is not None:
        command += ["-i", str(inventory)]
    return command, {**inherited, **settings, **(env or {})}


def start_playbook(
    project: Project,
    playbook: str,
    *arguments: str,
    inventory: pathlib.Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Run:
    command, environment = prepared(project, playbook, *arguments, inventory=inventory, env=env)
    return Run(command, project, environment)


def run_playbook(
    project: Project,
    playbook: str,
    *arguments: str,
    inventory: pathlib.Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = False,
    seconds: float = 600,
) -> Result:
    """Run a playbook to its end; with `check`, a failed one fails the test with all that it printed."""
    result = start_playbook(project, playbook, *arguments, inventory=inventory, env=env).wait(seconds)
    if check and result.rc:
        raise AssertionError(f"{playbook} ended with {result.rc}:\n{result.output}")
    return result


def write_inventory(
    folder: pathlib.Path,
    clients: Mapping[str, tuple[Host, Mapping[str, Any]]],
    variables: Mapping[str, Any] | None = None,
) -> pathlib.Path:
    """Write an inventory: {slug: (host, its variables)}, and variables for all. Ports are given where none is."""
    entries = {
        slug: {"mai_client_name": slug, "mai_port": 8001 + number, **host.inventory(), **own}
        for number, (slug, (host, own)) in enumerate(clients.items())
    }
    (folder / "group_vars").mkdir(parents=True, exist_ok=True)
    # JSON is YAML: hostile values stay what they are.
    (folder / "hosts.yml").write_text(json.dumps({"mai_clients": {"hosts": entries}}, indent=2))
    (folder / "group_vars" / "mai_clients.yml").write_text(json.dumps(dict(variables or {}), indent=2))
    return folder
