# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator and a target directory of its own for every test, and the real ansible-playbook."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import typing as t

import pytest

from tests.hosts.project import TARGET_PYTHON, descendants
from tests.openrouter_simulator import Control, Simulator

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
NAME = "client-company-abc"
SECRET = re.compile(r"sk-or-v1-[0-9a-f]{16,}")


class Run(t.NamedTuple):
    code: int
    output: str
    result: dict[str, t.Any]  # of the last task

    @property
    def changed(self) -> bool:
        assert self.code == 0, self.output
        return self.result["changed"]


class Stage:
    """One account, one target, and playbooks of one task."""

    def __init__(
        self, openrouter: Simulator, directory: pathlib.Path, ansible_playbook: pathlib.Path | None = None
    ) -> None:
        self.openrouter = openrouter
        self.ansible_playbook = ansible_playbook or pathlib.Path(sys.executable).with_name("ansible-playbook")
        self.directory = directory
        self.target = directory / "target"
        self.target.mkdir(mode=0o700)
        self.file = self.target / "api_key.env"
        self._playbooks = 0

    @property
    def control(self) -> Control:
        return self.openrouter.control  # another one after each start

    def playbook(self, *tasks: dict[str, t.Any], **play: t.Any) -> pathlib.Path:
        self._playbooks += 1
        path = self.directory / f"play{self._playbooks}.yml"
        play = {"hosts": "target", "gather_facts": False, "tasks": tasks, **play}
        path.write_text(json.dumps([play]))
        return path

    def task(self, **options: t.Any) -> dict[str, t.Any]:
        stored = {"secret_file": str(self.file), "secret_variables": ["OPENAI_API_KEY", "OPENROUTER_API_KEY"]}
        return {"name": "Key", "mai.clients.openrouter_key": {"name": NAME, **stored, **options}, "register": "it"}

    def start(self, playbook: pathlib.Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        connection = environment.pop("connection", "local")
        return subprocess.Popen(
            [
                str(self.ansible_playbook),
                f"--inventory={self.inventory(connection)}",
                str(playbook),
                *arguments,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("OPENROUTER_")},
                "OPENROUTER_PROVISIONING_KEY": self.openrouter.provisioning_key,
                "OPENROUTER_BASE_URL": self.openrouter.url,
                "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
                "ANSIBLE_LOCAL_TEMP": str(self.directory / "local tmp"),
                "ANSIBLE_REMOTE_TMP": str(self.directory / "remote tmp"),
                "NO_PROXY": "127.0.0.1",
                **environment,
            },
        )

    def inventory(self, connection: str) -> pathlib.Path:
        path = self.directory / f"{connection}.json"
        host = {"ansible_connection": connection, "ansible_python_interpreter": TARGET_PYTHON}
        path.write_text(json.dumps({"all": {"hosts": {"target": host}}}))
        return path

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        output, _nothing = process.communicate(timeout=120)
        return process.returncode, output

    def play(self, *tasks: dict[str, t.Any], arguments: t.Sequence[str] = (), **environment: str) -> Run:
        """Runs a playbook of these tasks; the result of the last one that ran."""
        code, output, ran = self._results(tasks, arguments, environment)
        return Run(code, output, ran[-1])

    def each(
        self, *tasks: dict[str, t.Any], arguments: t.Sequence[str] = (), **environment: str
    ) -> list[dict[str, t.Any]]:
        """Runs a playbook of these tasks, whichever of them fail; the result of each."""
        going_on = [{**task, "ignore_errors": True} for task in tasks]
        code, output, ran = self._results(going_on, arguments, environment)
        assert code == 0 and len(ran) == len(tasks), output
        return ran

    def _results(
        self, tasks: t.Sequence[dict[str, t.Any]], arguments: t.Sequence[str], environment: dict[str, str]
    ) -> tuple[int, str, list[dict[str, t.Any]]]:
        environment = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **environment}
        process = self.start(self.playbook(*tasks), *arguments, **environment)
        code, output = self.finish(process)
        start = output.find("{\n")
        assert start >= 0, output
        ran, _end = json.JSONDecoder().raw_decode(output[start:])
        return code, output, [task["hosts"]["target"] for task in ran["plays"][-1]["tasks"]]

    def key(
        self, arguments: t.Sequence[str] = (), environment: t.Mapping[str, str] | None = None, **options: t.Any
    ) -> Run:
        return self.play(self.task(**options), arguments=arguments, **(environment or {}))

    def workspace(self, slug: str) -> str:
        """Makes one; returns its identifier."""
        with self.openrouter.client() as http:
            return http.post("/workspaces", json={"name": slug, "slug": slug}).json()["data"]["id"]

    def kill(self, process: subprocess.Popen[str], how: signal.Signals) -> None:
        """The controller and all that it started: Ansible's workers are in sessions of their own."""
        for pid in [process.pid, *descendants(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        self.finish(process)

    def stored(self) -> str:
        return re.findall(r'OPENROUTER_API_KEY="(.*)"', self.file.read_text())[0]

    def stored_hash(self) -> str:
        return hashlib.sha256(self.stored().encode()).hexdigest()

    def states(self) -> list[tuple[str, bool]]:
        """Name and whether it is disabled, of every key."""
        return sorted((key["name"], key["disabled"]) for key in self.control.all_keys())

    def assert_converged(self) -> None:
        """Exactly one key of the name, enabled, its secret stored, no provisional one."""
        named = [key for key in self.control.all_keys() if key["name"] == NAME]
        assert [(key["hash"], key["disabled"]) for key in named] == [(self.stored_hash(), False)]
        assert not [name for name, _disabled in self.states() if "~pending-" in name]
        assert [entry.name for entry in self.target.iterdir()] == [self.file.name]
        assert self.file.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> t.Iterator[Stage]:
    with Simulator() as openrouter:
        yield Stage(openrouter, tmp_path)
