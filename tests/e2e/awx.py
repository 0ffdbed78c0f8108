# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that runs jobs as AWX does: ansible-runner on a private data directory, without AWX.

The directory is what a job sees as /runner: project/ (a copy without .git), the inventory as a program, the answers of
the survey as unsafe strings, one file for each injector of a credential. Passwords are handed over in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import itertools
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import typing as t

import ansible_runner
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.e2e.fleet import Fleet
from tests.hosts.paths import REPOSITORY, locked
from tests.hosts.project import Project, descendants
from tests.kit.canaries import ANY_KEY, forms, halves

OLDEST_CORE = "2.19.14"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PROGRAMS = pathlib.Path(sys.executable).parent
CORES = REPOSITORY / ".cache" / "cores"
# The search path for collections that AWX makes: what the project's sync installed, the project's own, the image's
REQUIREMENTS, BAKED = "requirements_collections", "usr/share/ansible/collections"


def oldest_core() -> dict[str, str]:
    """The environment in which ansible-playbook is the oldest that we support; it is installed at the first call."""
    if importlib.metadata.version("ansible-core") == OLDEST_CORE:
        return {}
    folder = CORES / OLDEST_CORE
    with locked(f"core-{OLDEST_CORE}"):
        if not (folder / ".ready").exists():
            # What it depends on is in .venv already
            options = ["-qq", "--no-deps", "--no-input", "--disable-pip-version-check", "--upgrade"]
            command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder)]
            subprocess.run([*command, f"ansible-core=={OLDEST_CORE}"], check=True)
            (folder / ".ready").touch()
    return {"PYTHONPATH": str(folder), "PATH": f"{folder / 'bin'}:{PROGRAMS}:{os.environ.get('PATH', os.defpath)}"}


def _run(**options: t.Any) -> t.Any:
    """ansible-runner takes a signal for a cancelled job, and goes on to take those of its caller after the job."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return ansible_runner.run(quiet=True, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@dataclasses.dataclass(frozen=True)
class Job:
    """What AWX stores about one."""

    status: str
    rc: int
    events: list[dict[str, t.Any]]
    artifacts: str
    """Everything else that the runner kept: facts, status, output. Without the command's file, which AWX removes."""

    @property
    def said(self) -> str:
        return COLOUR.sub("", "\n".join(event.get("stdout") or "" for event in self.events))

    @property
    def words(self) -> str:
        """The same as one line: a sentence is found in it however YAML breaks and quotes it."""
        return " ".join(self.said.split()).replace("''", "'")

    @property
    def stats(self) -> dict[str, t.Any]:
        return next(event["event_data"] for event in self.events if event["event"] == "playbook_on_stats")

    def paths(self) -> set[str]:
        """Where the tasks that it ran are written."""
        found = {(event.get("event_data") or {}).get("task_path") for event in self.events}
        return {path.rpartition(":")[0] for path in found if path}


@dataclasses.dataclass
class Ledger:
    """What was looked through, for the report."""

    jobs: int = 0
    events: int = 0
    characters: int = 0
    forms: int = 0
    canaries: set[str] = dataclasses.field(default_factory=set)
    endings: dict[str, int] = dataclasses.field(default_factory=dict)


class Awx:
    def __init__(self, folder: pathlib.Path, project: Project, fleet: Fleet) -> None:
        self.folder, self.fleet = folder, fleet
        self.ledger = Ledger()
        self.canaries: dict[str, str] = {}
        self.vault_password = self.canary("vault password")
        self.group: dict[str, t.Any] = {}
        self._numbers = itertools.count(4711)
        self._workers: list[subprocess.Popen[bytes]] = []
        _lay_out(folder, project.path)

    # What the agency has

    def canary(self, name: str) -> str:
        """A secret that nobody else has."""
        self.canaries[name] = secrets.token_urlsafe(24)
        return self.canaries[name]

    def vaulted(self, text: str) -> dict[str, str]:
        """A value that is encrypted in the inventory's files, as AWX keeps and hands it on."""
        vault = VaultLib([("lab", VaultSecret(self.vault_password.encode()))])
        return {"__ansible_vault": vault.encrypt(text, vault_id="lab").decode()}

    def learn(self, *slugs: str) -> None:
        """The secrets of this moment join those of before."""
        self.canaries["provisioning key"] = self.fleet.openrouter.provisioning_key
        for slug in slugs:
            for secret in self.fleet.secrets(slug):
                if secret not in self.canaries.values():
                    self.canaries[f"{slug}: secret {len(self.canaries)}"] = secret

    # What a job gets

    def _write(
        self, folder: pathlib.Path, credential: dict[str, t.Any], answers: dict[str, t.Any], number: str
    ) -> None:
        fleet, env = self.fleet, folder / "env"
        hosts = {
            slug: {**fleet.host(slug).inventory(), "remote_tower_enabled": "true", "remote_tower_id": 7, **own}
            for slug, own in fleet.clients().items()
        }
        inventory = {"mai_clients": {"hosts": list(hosts), "vars": self.group}, "_meta": {"hostvars": hosts}}
        script = folder / "inventory" / "hosts"
        script.write_text(f"#!{sys.executable}\nprint({json.dumps(inventory)!r})\n")
        script.chmod(0o700)
        about = {"job_id": int(number), "job_launch_type": "manual", "user_name": "anna", "project_revision": "f" * 40}
        about |= {"job_template_name": "Onboard a client", "inventory_name": "Clients", "execution_node": "node-1"}
        meta = {f"{product}_{name}": value for product in ("awx", "tower") for name, value in about.items()}
        lines = [
            f"{name}: {'!unsafe ' if isinstance(value, str) else ''}{json.dumps(value)}\n"
            for name, value in {**meta, **answers}.items()
        ]
        files = {"extravars": "".join(lines), "tmpkey": fleet.openrouter.provisioning_key}
        files["tmpvariables"] = json.dumps(credential)
        for name, text in files.items():
            path = env / name
            path.unlink(missing_ok=True)
            path.touch(0o600)
            path.write_text(text)

    def _options(
        self, runner: pathlib.Path, playbook: str, verbosity: int, options: str, credential: bool, own: dict[str, str]
    ) -> dict[str, t.Any]:
        number = next(self._numbers)
        collections = f"{runner / REQUIREMENTS}:./.ansible/collections:{runner / 'home/.ansible/collections'}"
        environment = {
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_UNSAFE_WRITES": "1",
            "ANSIBLE_COLLECTIONS_PATH": f"{collections}:{runner / BAKED}",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(runner / "cp"),
            "MAX_EVENT_RES": "700000",
            "HOME": str(runner / "home"),
            "PATH": f"{PROGRAMS}:{os.environ.get('PATH', os.defpath)}",
            "AWX_HOST": "https://awx.example.com",
            "JOB_ID": str(number),
            "INVENTORY_ID": "3",
            "PROJECT_REVISION": "f" * 40,
            "OPENROUTER_PROVISIONING_KEY": "",  # an optional field of the credential that was left empty
            "OPENROUTER_PROVISIONING_KEY_FILE": str(runner / "env" / "tmpkey"),
            "OPENROUTER_BASE_URL": self.fleet.openrouter.url,
            **own,
        }
        variables = f"-e @{runner / 'env' / 'tmpvariables'}" if credential else ""
        return {
            "ident": str(number),
            "playbook": playbook if "/" in playbook or playbook.endswith(".yml") else f"playbooks/{playbook}.yml",
            "cmdline": " ".join(f"-u root --vault-id lab@prompt {variables} {options}".split()),
            "passwords": {r"Vault password \(lab\):\s*?$": self.vault_password},
            "envvars": environment,
            "verbosity": verbosity or None,
            "suppress_env_files": True,
            "settings": {"suppress_output_file": True, "suppress_ansible_output": True},
        }

    # A job

    def launch(
        self,
        playbook: str = "onboard_client",
        *,
        verbosity: int = 0,
        options: str = "",
        credential: dict[str, t.Any] | None = None,
        env: dict[str, str] | None = None,
        **answers: t.Any,
    ) -> Job:
        """One from its start to its end, in this process's own directory."""
        job = self._options(self.folder, playbook, verbosity, options, bool(credential), env or {})
        self._write(self.folder, credential or {}, answers, job["ident"])
        self.fleet.control.clear_journal()
        runner = _run(private_data_dir=str(self.folder), **job)
        return self.ended(runner.status, runner.rc, list(runner.events), self.folder / "artifacts" / job["ident"])

    def send(
        self,
        node: pathlib.Path,
        playbook: str = "onboard_client",
        *,
        verbosity: int = 0,
        options: str = "",
        env: dict[str, str] | None = None,
        **answers: t.Any,
    ) -> Sent:
        """One on an execution node, which has only what it was sent: `transmit | worker | process`."""
        job = self._options(node, playbook, verbosity, options, False, env or {})
        stream, back, here = (node.with_suffix(f".{name}") for name in ("sent", "back", "here"))
        _lay_out(here, self.folder / "project")
        self._write(here, {}, answers, job["ident"])
        self.fleet.control.clear_journal()
        with open(stream, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            _run(streamer="transmit", _output=file, private_data_dir=str(here), **job)
        shutil.rmtree(here)
        node.mkdir()
        command = [sys.executable, "-m", "ansible_runner", "worker", "--private-data-dir", str(node)]
        with open(stream, "rb") as sent, open(back, "wb") as output:
            worker = subprocess.Popen(command, stdin=sent, stdout=output, cwd=node, start_new_session=True)
        self._workers.append(worker)
        return Sent(self, node, worker, back)

    def close(self) -> None:
        """Jobs that a failed test left behind end."""
        for worker in self._workers:
            if worker.poll() is None:
                _kill(descendants(worker.pid))
                worker.kill()

    def ended(self, status: str, rc: int, events: list[dict[str, t.Any]], kept: pathlib.Path) -> Job:
        texts = [
            path.read_text(errors="replace")
            for path in sorted(kept.rglob("*"))
            if path.is_file() and path.name != "command" and path.parent.name != "job_events"
        ]
        self.ledger.jobs += 1
        self.ledger.endings[status] = self.ledger.endings.get(status, 0) + 1
        return Job(status, rc, events, "\n".join(texts))

    # What nobody may see

    def leaks(self, job: Job) -> set[str]:
        """The names of the secrets that are anywhere in what is stored about a job."""
        text = json.dumps(job.events, ensure_ascii=False) + job.artifacts
        self.ledger.events += len(job.events)
        return self.found(text)

    def found(self, text: str) -> set[str]:
        wanted = {name: forms(secret) | halves(secret) for name, secret in self.canaries.items()}
        self.ledger.characters += len(text)
        self.ledger.canaries |= set(self.canaries.values())
        self.ledger.forms = max(self.ledger.forms, sum(map(len, wanted.values())))
        named = {name for name, looks in wanted.items() if any(look in text for look in looks)}
        return named | {f"a key, {key[:12]}…" for key in ANY_KEY.findall(text)}


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _lay_out(folder: pathlib.Path, project: pathlib.Path) -> None:
    # Without the records that other tests left there
    shutil.copytree(project, folder / "project", symlinks=True, ignore=shutil.ignore_patterns("handovers"))
    for name in ("env", "inventory", "cp", "home"):
        (folder / name).mkdir()


class Sent(t.NamedTuple):
    """A job on an execution node."""

    awx: Awx
    node: pathlib.Path
    worker: subprocess.Popen[bytes]
    back: pathlib.Path

    def wait_for(self, what: t.Callable[[], t.Any], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert self.worker.poll() is None and time.monotonic() < deadline, self.back.read_text()[-3000:]
            time.sleep(0.05)

    def wait(self, seconds: float = 300) -> Job:
        self.worker.wait(seconds)
        events: list[dict[str, t.Any]] = []
        kept = self.node.with_suffix(".kept")
        kept.mkdir()
        with open(self.back, "rb") as stream:
            processed = _run(
                streamer="process",
                _input=stream,
                private_data_dir=str(kept),
                event_handler=lambda event: bool(events.append(event)),
            )
        code = next(kept.rglob("rc"), None)
        return self.awx.ended(processed.status, int(code.read_text()) if code else -1, events, kept)

    def cancel(self) -> Job:
        """The button *Cancel*: the worker is asked to end, then the job's container goes with all that is in it."""
        inside = descendants(self.worker.pid)
        self.worker.send_signal(signal.SIGTERM)
        self.worker.wait(60)
        _kill(inside)
        return self.wait()
