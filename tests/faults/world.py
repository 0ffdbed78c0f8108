# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account at the simulated OpenRouter, one directory as the target, and runs of openrouter_key over both.

What runs is the real action with the real client over real connections, and the real scripts in real shells. Only
time is not: a pause costs nothing but moves the simulator's clock.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import types
import typing as t
import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from unittest import mock

import httpx
from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.mai.clients.plugins.plugin_utils import _one_key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import MAX_WAIT, Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import OpenRouterError

from tests.openrouter_simulator import Control

NAME = "client-company-abc"
VARIABLES = ["OPENAI_API_KEY", "OPENROUTER_API_KEY"]
SECRET = re.compile(r"sk-or-v1-[0-9a-f]{16,}")
NO_TLS = httpx.create_ssl_context(verify=False)  # made once: all is plain HTTP
# Stands in every faulty answer beside the message, and so nowhere else.
MARKER = "BODY-OF-AN-ANSWER"


@dataclass
class Outcome:
    """What a run came to, and all that it said."""

    result: dict[str, t.Any] = field(default_factory=dict)
    error: Exception | None = None
    told: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.error is not None

    @property
    def code(self) -> str | None:
        """The type of the failure, as the task's result names it."""
        return getattr(self.error, "code", type(self.error).__name__) if self.error else None

    @property
    def said(self) -> str:
        details = getattr(self.error, "details", {})
        return "\n".join([json.dumps(self.result), str(self.error), json.dumps(details), *self.told])

    def kinds(self) -> list[str]:
        return [action["action"] for action in self.result["actions"]]


class World:
    def __init__(self, control: Control, root: str, provisioning_key: str) -> None:
        self.control = control
        self.url = f"{root}/api/v1"
        self.provisioning_key = provisioning_key
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.directory.chmod(0o755)  # the target's user may be another
        self.target = self.directory / "target"
        self.target.mkdir(mode=0o700)
        self.file = self.target / "api_key.env"
        self.steps: list[str] = []
        self.waits: list[float] = []
        self.offset = 0.0
        self.storing = ""
        self._play: pathlib.Path | None = None
        self.hook: t.Callable[[str, int], None] = lambda moment, number: None
        self.connection: Connection = lambda step, command: command()
        control.reset()
        self._http = httpx.Client(headers=self._bearer(provisioning_key), transport=httpx.HTTPTransport(verify=NO_TLS))
        self._plant()

    def _plant(self) -> None:
        """What no run may ever touch: keys with usage, one of a former key of this very client."""
        self.used = [self.key(f"{NAME} ~retired-0dd0dd")[0], self.key("client-other")[0]]
        self.patch(self.used[0], disabled=True)
        for key_hash in self.used:
            self.control.usage(key_hash, 3.0)
        self.untouched = self._used_keys()

    def close(self) -> None:
        self._http.close()
        shutil.rmtree(self.directory)

    # What others do

    def key(self, name: str, **fields: t.Any) -> tuple[str, str]:
        """A new key: its hash and its secret."""
        answer = self._http.post(f"{self.url}/keys", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["hash"], answer.json()["key"]

    def patch(self, key_hash: str, **changes: t.Any) -> None:
        assert self._http.patch(f"{self.url}/keys/{key_hash}", json=changes).status_code == 200

    def delete(self, key_hash: str) -> None:
        assert self._http.delete(f"{self.url}/keys/{key_hash}").status_code == 200

    def write(self, secret: str, *names: str, mode: int = 0o600) -> None:
        self.file.write_text("".join(f'{name}="{secret}"\n' for name in names or VARIABLES))
        self.file.chmod(mode)

    def advance(self, seconds: float) -> None:
        self.offset += seconds
        self.control.advance_clock(seconds)

    # Runs

    def begin_play(self, play: pathlib.Path | None = None) -> pathlib.Path:
        """The next run, and only that, is part of this play: a directory that its tasks share."""
        self._play = play or pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        return self._play

    def run(self, check_mode: bool = False, timeout: float = 20.0, retries: int = 5, **options: t.Any) -> Outcome:
        """One task of the playbook, in a play of its own if none was begun."""
        self.steps, self.waits = [], []
        if "hash" not in options:
            options = {"name": NAME, "secret_file": str(self.file), "secret_variables": VARIABLES, **options}
        outcome = Outcome()
        client = Client(
            self.provisioning_key,
            self.url,
            timeout=timeout,
            retries=retries,
            on_wait=lambda _seconds, reason: outcome.told.append(reason),
            transport=Wire(self),
            sleep=self._sleep,
            clock=lambda: self.offset,
        )
        action = Action(self, options, check_mode)
        with contextlib.ExitStack() as stack:
            play = self.begin_play() if self._play is None else self._play
            self._play = None
            stack.enter_context(mock.patch.object(constants, "DEFAULT_LOCAL_TMP", str(play)))
            reconciler = functools.partial(Reconciler, now=self._now, clock=lambda: self.offset)
            stack.enter_context(mock.patch.object(_one_key, "Reconciler", reconciler))
            stack.enter_context(client)
            try:
                outcome.result = action.operate(client, action._validated())
            except Exception as error:
                outcome.error = error
        return outcome

    def run_killed(self, number: int, moment: str, **options: t.Any) -> str | None:
        """A run whose process is gone at once, before or after this step; nothing of its own clean-up happens.

        Returns the step; None when the run was over before.
        """
        reached, steps = os.pipe()

        def die(now: str, at: int) -> None:
            if (now, at) == (moment, number):
                os.write(steps, self.steps[at].encode())
                os._exit(1)

        self.run_in_another_process(lambda: setattr(self, "hook", die), **options)
        os.close(steps)
        with open(reached) as pipe:
            return pipe.read() or None

    def run_in_another_process(self, prepare: t.Callable[[], None], **options: t.Any) -> int:
        """Its exit code, 0 when the run came to its end."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a worker of pytest has a thread that only reads
            process = os.fork()
        if not process:
            code = 2
            try:
                prepare()
                self.run(**options)
                code = 0
            finally:
                os._exit(code)
        _process, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status)

    def step(self, name: str, effect: t.Callable[[], t.Any]) -> t.Any:
        number = len(self.steps)
        self.steps.append(name)
        self.hook("before", number)
        result = effect()
        self.hook("after", number)
        return result

    def _sleep(self, seconds: float) -> None:
        if seconds:
            self.waits.append(seconds)
            self.advance(seconds)

    def _now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self.offset)

    # What must be true

    def stored(self) -> str | None:
        """The secret that the client would use."""
        found = re.findall(r'OPENROUTER_API_KEY="(.*)"', self.file.read_text()) if self.file.exists() else []
        return found[-1] if found else None

    def stored_hash(self) -> str | None:
        secret = self.stored()
        return hashlib.sha256(secret.encode()).hexdigest() if secret else None

    def works(self, secret: str) -> bool:
        return self._http.get(f"{self.url}/key", headers=self._bearer(secret)).status_code == 200

    def named(self) -> list[dict[str, t.Any]]:
        return [key for key in self.control.all_keys() if key["name"] == NAME]

    def pending(self) -> list[dict[str, t.Any]]:
        return self.control.keys_named("~pending-")

    def _used_keys(self) -> list[dict[str, t.Any]]:
        """But for what begins anew at midnight, which a test that lets an hour pass may cross."""
        counted = ("usage_daily", "usage_weekly", "usage_monthly", "limit_remaining")
        return [
            {name: value for name, value in key.items() if not name.removeprefix("byok_").startswith(counted)}
            for key in self.control.all_keys()
            if key["hash"] in self.used
        ]

    def assert_clean(self, outcome: Outcome) -> None:
        """Nothing that is told holds a secret or the body of an answer; the waiting is bounded."""
        assert not SECRET.search(outcome.said)
        assert self.provisioning_key not in outcome.said
        assert MARKER not in outcome.said and "<h1>" not in outcome.said
        # All other exceptions would be bugs: Ansible reports a lost connection itself.
        assert outcome.error is None or isinstance(outcome.error, (OpenRouterError, AnsibleConnectionFailure))
        assert sum(self.waits) <= MAX_WAIT

    def assert_ends(self, ends: str) -> None:
        """One key of the name, enabled, its secret on the target; no provisional one; nothing with usage destroyed."""
        assert self._used_keys() == self.untouched
        assert [key["name"] for key in self.pending()] == []
        if ends == "absent":
            assert self.named() == []
            return
        assert [(key["hash"], key["disabled"]) for key in self.named()] == [(self.stored_hash(), ends == "disabled")]
        assert self.works(self.stored()) == (ends == "enabled")
        assert [entry.name for entry in self.target.iterdir()] == [self.file.name]
        assert self.file.stat().st_mode & 0o777 == 0o600

    @staticmethod
    def _bearer(secret: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}"}


class Action(_one_key.KeyAction):
    """The action without what Ansible's worker gives it beyond its task and its connection."""

    def __init__(self, world: World, options: dict[str, t.Any], check_mode: bool) -> None:
        self._task = types.SimpleNamespace(args=options, check_mode=check_mode)
        self._world = world

    def _store(self, params: dict[str, t.Any]) -> t.Any:
        store = super()._store(params)
        return Watched(self._world, store) if store else None

    def _low_level_execute_command(self, cmd: str, in_data: bytes | None = None) -> dict[str, t.Any]:
        step, command = self._world.storing, Command(cmd, in_data or b"")
        return self._world.step(step, lambda: self._world.connection(step, command))


class Watched:
    """The store; what it is asked to do is the name of the remote command that it runs."""

    def __init__(self, world: World, store: t.Any) -> None:
        self._world = world
        self._store = store

    def __getattr__(self, name: str) -> t.Any:
        self._world.storing = name
        return getattr(self._store, name)


class Wire(httpx.HTTPTransport):
    """The real connection, with every request as a step."""

    def __init__(self, world: World) -> None:
        super().__init__(verify=NO_TLS)
        self._world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        one = request.method == "GET" and not request.url.path.endswith("/keys")
        return self._world.step("GET one" if one else request.method, lambda: super(Wire, self).handle_request(request))


class Command:
    """A command for the target, as a connection gets it."""

    def __init__(self, command: str, data: bytes) -> None:
        self._command = command
        self.data = data

    def __call__(
        self, data: bytes | None = None, path: str | None = None, as_nobody: bool = False, before: str = ""
    ) -> dict[str, t.Any]:
        done = subprocess.run(
            ["/bin/sh", "-c", before + self._command],
            check=False,
            input=self.data if data is None else data,
            capture_output=True,
            env={**os.environ, **({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})},
            user=pwd.getpwnam("nobody").pw_uid if as_nobody else None,
        )
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}


Connection = t.Callable[[str, Command], t.Dict[str, t.Any]]
