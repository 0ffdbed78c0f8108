# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agency whose clients all live on this machine: native instances of the stand-in, each a plain process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import typing as t

import httpx
from ansible_collections.mai.clients.plugins.module_utils import _envfile

from tests.hosts.paths import REPOSITORY
from tests.hosts.project import TARGET_PYTHON, Project, Result, Run, prepared, start_playbook
from tests.kit.operator import Operator
from tests.kit.terminal import Terminal
from tests.openrouter_simulator import Simulator
from tests.openrouter_simulator.account import new_secret

HERE = pathlib.Path(__file__).parent
ONBOARD = "playbooks/onboard_client.yml"
KEPT = "company-abc"
# As the collection starts it
START = """
setsid ./start-mai-instance.sh < /dev/null >> instance.log 2>&1 &
echo $! > instance.pid
"""


class Agency(Operator):
    """Its inventory, its account at OpenRouter, and what the playbook made."""

    def __init__(self, folder: pathlib.Path, openrouter: Simulator) -> None:
        self.folder = folder
        self.openrouter = openrouter
        self.inventory = folder / "inventory"
        self.group_vars = self.inventory / "group_vars" / "mai_clients"
        self.deployments = folder / "deployments"
        self.handovers = folder / "handovers"
        self.clients: dict[str, dict[str, t.Any]] = {}
        self.project = Project(REPOSITORY, folder / "ansible")

    def client(self, slug: str, **variables: t.Any) -> str:
        """Puts a client into the inventory, or changes its variables; None takes one out."""
        own = self.clients.setdefault(slug, {"mai_client_name": f"Client {slug}", "mai_port": free_port()})
        own.update(variables)
        self.clients[slug] = {name: value for name, value in own.items() if value is not None}
        environment = [f"PYTHONPATH={REPOSITORY}", f"STANDIN_OWNER={os.getpid()}"]
        command = ["env", *environment, sys.executable, "-m", "tests.mai_standin"]
        common = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": TARGET_PYTHON,
            "mai_deployments_dir": str(self.deployments),
            "mai_handover_dir": str(self.handovers),
            "mai_deployment": "native",
            "mai_native_service": "process",
            # This machine gets no users from tests, and lets none through to their folders
            "mai_native_user": "root",
            "mai_start_command": " ".join(shlex.quote(word) for word in command),
            "mai_bind_address": "127.0.0.1",
            "mai_admin_email": "admin@example.com",
            "mai_monthly_limit": 50,
            "mai_health_timeout": 20,
            "mai_usage_history": False,
        }
        # JSON is YAML.
        self.group_vars.mkdir(parents=True, exist_ok=True)
        (self.group_vars / "main.yml").write_text(json.dumps(common))
        (self.inventory / "hosts.yml").write_text(json.dumps({"mai_clients": {"hosts": self.clients}}))
        return slug

    def start(self, client: str, *arguments: str, playbook: str = ONBOARD, **environment: str) -> Run:
        """Start an onboarding, or another playbook."""
        return start_playbook(
            self.project,
            playbook,
            *(["-e", f"client={client}"] if client else []),
            *arguments,
            inventory=self.inventory,
            env={**self.settings(), **environment},
        )

    def settings(self) -> dict[str, str]:
        """The environment of its playbooks."""
        return {
            "OPENROUTER_BASE_URL": self.openrouter.url,
            "OPENROUTER_PROVISIONING_KEY": self.openrouter.provisioning_key,
            "ANSIBLE_REMOTE_TMP": str(self.folder / "ansible" / "remote"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        }

    def at_terminal(self, playbook: str, *arguments: str, **environment: str) -> Terminal:
        """Start a playbook for whoever sits there."""
        command, variables = prepared(
            self.project, playbook, *arguments, inventory=self.inventory, env={**self.settings(), **environment}
        )
        return Terminal(command, self.project.path, variables)

    def start_until(self, task: str, client: str, *arguments: str, **environment: str) -> HeldRun:
        """Start an onboarding and wait until it stands before the task of that name."""
        file = self.folder / f"hold-{client}-{time.monotonic_ns()}"
        run = self.start(client, *arguments, HOLD_AT=task, HOLD_FILE=str(file), **environment)
        deadline = time.monotonic() + 120
        while not file.exists():
            assert run.process.poll() is None and time.monotonic() < deadline, run.output()
            time.sleep(0.05)
        return HeldRun(run, file)

    def run(self, client: str, *arguments: str, **environment: str) -> Result:
        return self.start(client, *arguments, **environment).wait()

    def onboard(self, client: str, *arguments: str, **environment: str) -> Result:
        """An onboarding that must succeed."""
        result = self.run(client, *arguments, **environment)
        assert result.rc == 0, result.output
        return result

    def failures(self, client: str, *arguments: str, **environment: str) -> dict[str, str]:
        """What a run says of each client that failed."""
        output = self.run(client, *arguments, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", **environment).stdout
        ran, _end = json.JSONDecoder().raw_decode(output[output.index("{\n") :])
        return {
            slug: result["msg"]
            for play in ran["plays"]
            for task in play["tasks"]
            for slug, result in task["hosts"].items()
            if result.get("failed")
        }

    def directory(self, slug: str) -> pathlib.Path:
        return self.deployments / f"client-{slug}"

    def key_file(self, slug: str) -> pathlib.Path:
        return self.directory(slug) / "api_key.env"

    def lock(self, slug: str) -> pathlib.Path:
        return self.deployments / ".locks" / slug

    def url(self, slug: str) -> str:
        return f"http://127.0.0.1:{self.clients[slug]['mai_port']}"

    def variables(self, slug: str, name: str) -> dict[str, str]:
        return _envfile.parse((self.directory(slug) / name).read_text())

    def query(self, slug: str, sql: str, *values: t.Any) -> list[t.Any]:
        file = self.directory(slug) / "data" / "webui.db"
        with contextlib.closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as database:
            return database.execute(sql, values).fetchall()

    def saved(self, slug: str) -> list[tuple[str, str]]:
        """URL and key of every connection saved in Open WebUI."""
        if "data" in {name for _id, name, *_rest in self.query(slug, "PRAGMA table_info(config)")}:
            rows = self.query(slug, "SELECT data FROM config")
            openai = json.loads(rows[0][0])["openai"] if rows else {"api_base_urls": [], "api_keys": []}
            return list(zip(openai["api_base_urls"], openai["api_keys"]))
        values = dict(self.query(slug, "SELECT key, value FROM config WHERE key LIKE 'openai.api_%'"))
        return list(zip(json.loads(values["openai.api_base_urls"]), json.loads(values["openai.api_keys"])))

    def pid(self, slug: str) -> int:
        return int((self.directory(slug) / "instance.pid").read_text())

    def assert_converged(self, slug: str) -> None:
        """One enabled key of the client's name, held by machine, instance and record, and it works."""
        secret, key = self.secret(slug), self.key(slug)
        assert (key["hash"], key["disabled"]) == (hashlib.sha256(secret.encode()).hexdigest(), False)
        assert self.key_file(slug).stat().st_mode & 0o777 == 0o600
        assert self.openrouter.works(secret)
        assert not [
            key["name"] for key in self.control.all_keys() if key["name"].startswith(f"client-{slug} ~pending-")
        ]
        rows = self.query(slug, "SELECT id, openrouter_api_key, is_active FROM client_organizations")
        assert rows == [(f"{slug}-001", secret, 1)]
        assert [key for _url, key in self.saved(slug) if key.startswith("sk-or-v1-")] in ([], [secret])
        assert httpx.get(f"{self.url(slug)}/health").json() == {"status": True}
        assert not self.lock(slug).exists()
        assert not [path.name for path in self.directory(slug).iterdir() if ".mai-" in path.name[1:]]

    def stop(self, slug: str) -> None:
        """Its process ends, and nobody starts it again."""
        end_instance(self.pid(slug))

    def start_again(self, slug: str) -> None:
        """As somebody does on the machine, without the collection."""
        directory = self.directory(slug)
        subprocess.run(["sh", "-c", START], cwd=directory, check=True)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.url(slug)}/health").raise_for_status()
                return
            assert time.monotonic() < deadline, (directory / "instance.log").read_text()
            time.sleep(0.1)

    def end(self) -> None:
        """Stop the instances."""
        for file in self.deployments.glob("client-*/instance.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(file.read_text())
                # Where it has ended before, its number may be somebody else's by now.
                if os.readlink(f"/proc/{pid}/cwd").startswith(str(file.parent)):
                    end_instance(pid)


class HeldRun(t.NamedTuple):
    run: Run
    file: pathlib.Path

    def release(self) -> Result:
        self.file.unlink()
        return self.run.wait()

    def kill(self, how: signal.Signals) -> Result:
        return kill(self.run, how)


def kill(run: Run, how: signal.Signals) -> Result:
    run.signal_all(how)
    return run.wait(60)


def end_instance(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while pathlib.Path(f"/proc/{pid}/cwd").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Kept:
    """A client, just onboarded and then put aside: its files, its key at OpenRouter, its variables.

    Files and databases name places, ports and keys; so whoever takes it out gets it where it was.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._aside, self._place = folder / "aside", folder / "agency"
        self._place.mkdir()
        self._port, self._provisioning_key = quiet_port(), new_secret()
        with self._account() as openrouter:
            agency = Agency(self._place, openrouter)
            agency.client(KEPT, mai_port=quiet_port(), mai_instance_api_base_url=openrouter.openrouter_like_url)
            agency.onboard(KEPT)
            agency.stop(KEPT)
        self._variables = agency.clients[KEPT]
        self._place.rename(self._aside)

    def _account(self) -> Simulator:
        state = self._place / "account.json"
        return Simulator(port=self._port, provisioning_key=self._provisioning_key, state_file=state)

    @contextlib.contextmanager
    def taken_out(self) -> t.Iterator[Agency]:
        """An agency of this one client, which is up; by one at a time."""
        shutil.copytree(self._aside, self._place)
        with self._account() as openrouter:
            agency = Agency(self._place, openrouter)
            agency.client(KEPT, **self._variables)
            agency.start_again(KEPT)
            try:
                yield agency
            finally:
                agency.end()
        shutil.rmtree(self._place)


def quiet_port() -> int:
    """A port that nobody is given who does not ask for it: it is still free when the kept client is taken out."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    while True:
        port = random.randrange(max(first - 12000, 1024), first)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
