# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine that carries the hosts: the one that answers, else a private one.

The private engine never touches the base system: its programs are unpacked into the cache, only runc, iptables
and mmdebstrap are installed, from the machine's own release and only where they are missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from . import apt
from .paths import CACHE, RUNTIME, FarmError, locked

HOME = CACHE / "engine"
PROGRAMS = HOME / "programs"
SOCKET = RUNTIME / "docker.sock"
PIDFILE = RUNTIME / "docker.pid"
KEEP = RUNTIME / "keep"
# Debian 13 has an engine that starts privileged containers everywhere; its programs run on Debian 12 too.
SUITE = "trixie"
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "containerd")
HOST_LABEL = "mai.clients.test-host"


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine that answers."""

    environment: dict[str, str]
    """What a docker client needs in its environment, beside what is there anyhow."""
    private: bool

    def docker(
        self, *arguments: str, check: bool = True, stdin: IO[bytes] | int | None = None, data: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker …`; what it printed is in the result, and in the error if it fails."""
        command = ("docker", *arguments)
        source: dict[str, Any] = {"input": data} if data is not None else {"stdin": stdin or subprocess.DEVNULL}
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, check=False, **source
        )
        result = subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
        if check and result.returncode:
            raise FarmError(f"`{' '.join(command)[:300]}` failed ({result.returncode}): {result.stderr.strip()}")
        return result

    def address(self) -> str:
        """The address of this machine as containers, and containers inside hosts, reach it."""
        subnets = self.docker(
            "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{println .Subnet}}{{end}}"
        )
        for subnet in map(ipaddress.ip_network, subnets.stdout.split()):
            if subnet.version == 4:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    # Sends nothing, picks the address that this machine has towards that network.
                    probe.connect((str(subnet[1]), 9))
                    return str(probe.getsockname()[0])
        raise FarmError("The engine's network `bridge` has no IPv4: hosts could not reach this machine.")


def find() -> Engine | None:
    """The engine that answers, if any."""
    for engine in (Engine({}, private=False), _private()):
        with contextlib.suppress(FileNotFoundError):
            if engine.docker("info", "--format", "{{.ServerVersion}}", check=False).stdout.strip():
                return engine
    return None


def ensure() -> Engine:
    """The engine that answers; a private one is started where none does."""
    with locked("engine"):
        found = find()
        if found is None:
            _prepare()
            # Another clone's engine may answer, now that there is a client to ask it.
            found = find() or _start()
        return found


@contextlib.contextmanager
def session() -> Iterator[Engine]:
    """An engine for one test session; whoever leaves last stops a private engine, unless `keep` asked for it."""
    RUNTIME.mkdir(parents=True, exist_ok=True)
    with open(RUNTIME / "users", "w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        engine = ensure()
        try:
            yield engine
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if engine.private and not KEEP.exists():
                    stop()


def keep() -> Engine:
    """An engine that stays until `stop`, whatever sessions come and go."""
    engine = ensure()
    if engine.private:
        KEEP.touch()
    return engine


def stop() -> None:
    """Stop the private engine, and with it what runs in it; an engine that was there before is left alone."""
    with locked("engine"):
        KEEP.unlink(missing_ok=True)
        pid = _pid()
        if pid is not None:
            remove_hosts(_private())
            os.kill(pid, signal.SIGTERM)
            _wait(lambda: _pid() is None, 60, "The private engine did not stop")


def remove_hosts(engine: Engine) -> None:
    """Remove every test host of that engine."""
    hosts = engine.docker("ps", "--all", "--quiet", "--filter", f"label={HOST_LABEL}").stdout.split()
    if hosts:
        engine.docker("rm", "--force", "--volumes", *hosts)


def install_missing(**programs: str) -> None:
    """Install what is missing, from this machine's own release, upgrading nothing: program=package."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    packages = sorted({package for program, package in programs.items() if not shutil.which(program, path=path)})
    if not packages:
        return
    _need_root(f"installing {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "--no-install-recommends", "--no-upgrade", "--no-remove", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
        if done.returncode:
            raise FarmError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


def _private() -> Engine:
    path = f"{PROGRAMS}/usr/bin:{PROGRAMS}/usr/sbin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return Engine(
        {"DOCKER_HOST": f"unix://{SOCKET}", "DOCKER_CONFIG": str(HOME / "client"), "PATH": path}, private=True
    )


def _prepare() -> None:
    """Have the programs of a private engine."""
    _need_root("starting a private Docker engine (none answers here)")
    install_missing(runc="runc", iptables="iptables")
    if not PROGRAMS.is_dir():
        apt.unpack(SUITE, PACKAGES, PROGRAMS)
    (HOME / "client").mkdir(exist_ok=True)
    plugins = {"cliPluginsExtraDirs": [str(PROGRAMS / "usr/libexec/docker/cli-plugins")]}
    (HOME / "client" / "config.json").write_text(json.dumps(plugins))


def _start() -> Engine:
    settings = {
        "data-root": str(HOME / "data"),
        "exec-root": str(RUNTIME / "exec"),
        "pidfile": str(PIDFILE),
        "hosts": [f"unix://{SOCKET}"],
        "userland-proxy-path": str(next(PROGRAMS.rglob("docker-proxy"))),
    }
    (HOME / "daemon.json").write_text(json.dumps(settings, indent=2))
    engine = _private()
    with open(HOME / "engine.log", "wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--config-file", str(HOME / "daemon.json")],
            env={**os.environ, **engine.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def answers() -> bool:
        if daemon.poll() is not None:
            raise FarmError(
                f"The private engine ended at once. Its log, {HOME / 'engine.log'}, ends with:\n{_log_end()}"
            )
        return find() is not None

    _wait(answers, 60, "The private engine does not answer")
    return engine


def _pid() -> int | None:
    """Process of the private engine; a recycled number is not taken for it."""
    try:
        pid = int(PIDFILE.read_text())
        program = pathlib.Path(f"/proc/{pid}/exe").resolve()
    except (OSError, ValueError):
        return None
    return pid if program.name == "dockerd" else None


def _wait(done: Callable[[], bool], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise FarmError(f"{complaint} within {seconds:.0f} s. Its log, {HOME / 'engine.log'}, ends:\n{_log_end()}")
        time.sleep(0.2)


def _log_end() -> str:
    return "\n".join((HOME / "engine.log").read_text(errors="replace").splitlines()[-15:])


def _need_root(purpose: str) -> None:
    if os.geteuid() != 0:
        raise FarmError(f"Only root can do this: {purpose}. Start a Docker engine yourself, or run as root.")
