# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One target host: a container with systemd and sshd, reached over SSH with its host key checked."""

from __future__ import annotations

import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time

from . import apt, images
from .engine import HOST_LABEL, Engine
from .paths import CACHE, FarmError, locked

PEOPLE = {"root": "/root", "ops": "/home/ops"}


class Host:
    """A host by its name; `up` makes it, `down` removes it with all that is in it."""

    def __init__(self, name: str, engine: Engine) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
            raise FarmError(f"{name!r} is no name for a test host: small letters, digits and dashes, 41 at most.")
        self.name = name
        self.engine = engine
        self.container = f"mai-test-{name}"
        self._folder = CACHE / "running" / name

    @classmethod
    def up(cls, name: str, engine: Engine, image: str = "mai-test-host:trixie", seconds: float = 60) -> Host:
        """Boot a fresh host and wait until it can be used; one of that name must not exist."""
        host = cls(name, engine)
        images.ensure(image, engine)
        with locked(f"host-{name}"):
            host._create(image)
            try:
                host._start(seconds)
            except BaseException:
                host._remove()
                raise
        return host

    @classmethod
    def named(cls, name: str, engine: Engine) -> Host:
        """A host that is up."""
        host = cls(name, engine)
        if host.address() is None:
            raise FarmError(f"No test host {name!r} is up: `python -m tests.hosts up {name}` boots it.")
        return host

    def down(self) -> None:
        """Remove the host and everything on it."""
        with locked(f"host-{self.name}"):
            self._remove()

    def address(self) -> str | None:
        """Its address, while it is up."""
        address = "{{if .State.Running}}{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}{{end}}"
        found = self.engine.docker("inspect", self.container, "--format", address, check=False)
        return found.stdout.strip() or None

    def simulator_address(self) -> str:
        """The address of this machine as the host, and containers on the host, reach it."""
        return self.engine.address()

    def inventory(self, user: str = "ops") -> dict[str, str]:
        """What an inventory says about this host."""
        address = self.address()
        if address is None:
            raise FarmError(f"The test host {self.name!r} is not up.")
        return {
            "ansible_host": address,
            "ansible_user": user,
            "ansible_ssh_private_key_file": str(_user_key()),
            "ansible_ssh_common_args": " ".join(f"-o {option}" for option in self._ssh_options()),
        }

    def ssh_command(self, *command: str, user: str = "ops") -> list[str]:
        """An `ssh` command line for that user, with the host key checked."""
        options = [part for option in self._ssh_options() for part in ("-o", option)]
        # -F: what the person who runs the tests has in ~/.ssh/config is no part of them.
        ssh = ["ssh", "-F", "/dev/null", "-i", str(_user_key()), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
        return [*ssh, *options, f"{user}@{self.address()}", *command]

    def exec(
        self, *command: str, check: bool = True, data: str | bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root on the host, past SSH: to look at things and to break them."""
        sent = data.encode() if isinstance(data, str) else data
        return self.engine.docker("exec", "-i", self.container, *command, check=check, data=sent)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """The same, but it only starts."""
        return subprocess.Popen(
            ("docker", "exec", self.container, *command),
            env={**os.environ, **self.engine.environment},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def load_image(self, archive: str | pathlib.Path) -> None:
        """Load an image, a file from `docker save`, into the host's own engine."""
        with open(archive, "rb") as file:
            self.engine.docker("exec", "-i", self.container, "docker", "load", "--quiet", stdin=file)

    def _ssh_options(self) -> list[str]:
        return [
            f"UserKnownHostsFile={self._folder / 'known_hosts'}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "IdentitiesOnly=yes",
        ]

    def _create(self, image: str) -> None:
        if self.engine.docker("container", "inspect", self.container, check=False).returncode == 0:
            raise FarmError(
                f"A test host {self.name!r} is there already: `python -m tests.hosts down {self.name}` removes it."
            )
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        suite = images.IMAGES[image][0]
        run = ["create", "--name", self.container, "--hostname", self.name, "--label", f"{HOST_LABEL}={self.name}"]
        run += ["--privileged", "--cgroupns=private", "--tmpfs", "/run", "--tmpfs", "/run/lock"]
        self.engine.docker(*run, image)
        host_key = self._folder / "host_key"
        _make_key(host_key, f"root@{self.name}")
        public = _user_key().with_suffix(".pub").read_text()
        files = {
            "/etc/ssh/ssh_host_ed25519_key": (host_key.read_text(), 0o600),
            "/etc/ssh/ssh_host_ed25519_key.pub": (host_key.with_suffix(".pub").read_text(), 0o644),
            "/etc/apt/sources.list": (apt.sources(suite), 0o644),
            "/etc/apt/apt.conf.d/80test-machine": (apt.configuration(), 0o644),
        }
        for home in PEOPLE.values():
            # Root-owned and readable: sshd takes that for anybody's, and the number of `ops` need not be known here.
            files[f"{home}/.ssh/authorized_keys"] = (public, 0o644)
        self.engine.docker("cp", "-", f"{self.container}:/", data=_tar(files))

    def _start(self, seconds: float) -> None:
        self.engine.docker("start", self.container)
        host_key = (self._folder / "host_key.pub").read_text().split()
        (self._folder / "known_hosts").write_text(f"{self.address()} {host_key[0]} {host_key[1]}\n")
        # `--wait` ends when systemd has started everything: "running", or "degraded" with what failed.
        deadline = time.monotonic() + seconds
        while True:
            state = self.exec("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
            reached = subprocess.run(self.ssh_command("true"), capture_output=True, text=True, check=False)
            if state == "running" and reached.returncode == 0:
                return
            if state == "degraded" or time.monotonic() > deadline:
                failed = self.exec("systemctl", "--failed", "--plain", "--no-legend", "--no-pager", check=False).stdout
                raise FarmError(
                    f"The test host {self.name!r} did not boot within {seconds:.0f} s: systemd says {state!r}, "
                    f"SSH {reached.stderr.strip()!r}. Failed units:\n{failed}"
                )
            time.sleep(0.2)

    def _remove(self) -> None:
        self.engine.docker("rm", "--force", "--volumes", self.container, check=False)
        shutil.rmtree(self._folder, ignore_errors=True)


def all_up(engine: Engine) -> list[str]:
    """Names of all hosts of this engine."""
    label = f'{{{{.Label "{HOST_LABEL}"}}}}'
    names = engine.docker("ps", "--all", "--filter", f"label={HOST_LABEL}", "--format", label)
    return sorted(names.stdout.split())


def _user_key() -> pathlib.Path:
    """The key that opens every test host; made at its first use."""
    key = CACHE / "user_key"
    with locked("user-key"):
        if not key.exists():
            _make_key(key, "mai.clients tests")
    return key


def _make_key(path: pathlib.Path, comment: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _tar(files: dict[str, tuple[str, int]]) -> bytes:
    """An archive of root-owned files, for `docker cp`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (text, mode) in files.items():
            folder = os.path.dirname(path).lstrip("/")
            if folder.endswith(".ssh"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            content = text.encode()
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
