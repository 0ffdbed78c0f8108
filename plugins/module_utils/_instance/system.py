# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel and the files of this machine say: memory, ports, processes. Linux only, nothing is started."""

from __future__ import annotations

import hashlib
import os
import platform
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone

# Debian's names, since the packages that the roles install are Debian's or Ubuntu's.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
}
_LISTEN = "0A"
# What a command may print: a log is as long as its writer likes.
MOST_LINES = 5000
_MOST_BYTES = 8 * 1024 * 1024


class Command:
    """The outcome of one command that must not fail the look: a missing or hanging one is just not ok."""

    def __init__(self, code: int | None, output: str, error: str):
        self.ok = code == 0
        self.found = code is not None
        self.output = output
        self.error = error


class Started:
    """A command at work, beside others and beside its caller, until its outcome is wanted."""

    def __init__(self, *argv: str, timeout: int = 20):
        self._name, self._timeout = argv[0], timeout
        self._deadline = time.monotonic() + timeout
        try:
            # AnsibleModule.run_command has no timeout, and an engine that hangs must not hang the run.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(os.environ, LC_ALL="C", LANGUAGE="C"),
            )
        except (FileNotFoundError, PermissionError):
            self._process = None

    def outcome(self) -> Command:
        if self._process is None:
            return Command(None, "", f"{self._name} is not installed")
        with self._process as process:
            try:
                output, error = _collect(process, self._deadline)
            except TimeoutError:
                return Command(124, "", f"{self._name} gave no answer within {self._timeout} seconds")
            finally:
                process.kill()
        return Command(process.returncode, _text(output), _text(error))


def run(*argv: str, timeout: int = 20) -> Command:
    return Started(*argv, timeout=timeout).outcome()


def _collect(process: subprocess.Popen, deadline: float) -> tuple[bytes, bytes]:
    """What it prints until it ends. Of more than it may print, the beginning: then it is not waited for any longer."""
    printed = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for stream in printed:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            for stream, _events in ready:
                piece = os.read(stream.fd, 65536)
                printed[stream.fileobj] += piece
                if not piece:
                    selector.unregister(stream.fileobj)
                elif len(printed[stream.fileobj]) > _MOST_BYTES:
                    return printed[process.stdout], printed[process.stderr]
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(deadline - time.monotonic(), 0.1))
    return printed[process.stdout], printed[process.stderr]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def read_text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def machine(remote_tmp: str) -> dict:
    release = _os_release()
    transfer = _of_the_login(remote_tmp)
    return {
        "id": _identity(),
        "hostname": socket.gethostname(),
        "system_id": release.get("ID"),
        "system_version": release.get("VERSION_ID"),
        "codename": release.get("VERSION_CODENAME"),
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "memory_bytes": _memory("MemTotal:"),
        "memory_available_bytes": _memory("MemAvailable:"),
        "swap_free_bytes": _memory("SwapFree:"),
        "transfer": {"path": transfer, "free_bytes": free_bytes(transfer), "device": device(transfer)},
        "root": os.geteuid() == 0,
        "systemd": has_systemd(),
        "python_version": platform.python_version(),
    }


def _identity() -> str:
    """Tells this machine from every other, its clones from the same template, too."""
    parts = [read_text(path) or "" for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")]
    return hashlib.sha256("\n".join([socket.gethostname(), *parts]).encode("utf-8", "replace")).hexdigest()[:32]


def properties(text: str) -> dict[str, str]:
    """What systemctl show says of one unit."""
    return dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)


def has_systemd() -> bool:
    return os.path.isdir("/run/systemd/system")


def _os_release() -> dict[str, str]:
    fields = {}
    for line in (read_text("/etc/os-release") or "").splitlines():
        name, separator, value = line.partition("=")
        if separator:
            fields[name] = value.strip().strip("\"'")
    return fields


def _memory(kind: str) -> int | None:
    for line in (read_text("/proc/meminfo") or "").splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) * 1024
    return None


def _of_the_login(path: str) -> str:
    """Where Ansible unpacks what it copies: below the home of who logged in, before becoming root."""
    login = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER")
    return os.path.expanduser(f"~{login}{path[1:]}" if login and path.startswith("~/") else path)


def free_bytes(path: str) -> int | None:
    """Free space where the path is or would be made."""
    try:
        status = os.statvfs(_existing(path))
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def device(path: str) -> int | None:
    """The number of the file system on which the path is or would be made."""
    try:
        return os.stat(_existing(path)).st_dev
    except OSError:
        return None


def _existing(path: str) -> str:
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def listening() -> dict[int, set[str]]:
    """Every TCP port that something listens on, with the inodes of its sockets."""
    ports: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (read_text(table) or "").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN:
                ports.setdefault(int(fields[1].rsplit(":", 1)[1], 16), set()).add(fields[9])
    return ports


def can_bind(address: str | None) -> bool | None:
    """Whether the machine has that address; None where it is not asked for one."""
    if not address:
        return None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True


def socket_owner(inodes: set[str]) -> int | None:
    """The process that holds one of these sockets; who is not root sees only their own processes."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return next((pid for pid, descriptor in _descriptors() if _link(descriptor) in wanted), None)


def file_owner(path: str) -> int | None:
    """The process, in whatever container, that has this file open; who is not root sees only their own processes."""
    file = os.lstat(path)
    for pid, descriptor in _descriptors():
        with suppress(OSError):  # it was closed meanwhile
            if os.path.samestat(os.stat(descriptor), file):
                return pid
    return None


def _descriptors() -> Iterator[tuple[int, str]]:
    """Every process and each of its open files, as a path below /proc."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        folder = f"/proc/{entry}/fd"
        with suppress(OSError):
            for descriptor in os.listdir(folder):
                yield int(entry), f"{folder}/{descriptor}"


def process_name(pid: int) -> str | None:
    return (read_text(f"/proc/{pid}/comm") or "").strip() or None


def started_at(pid: int) -> str | None:
    fields = _stat(pid)
    if fields is None:
        return None
    return since_boot(int(fields[19]) / os.sysconf("SC_CLK_TCK"))


def since_boot(seconds: float) -> str | None:
    for line in (read_text("/proc/stat") or "").splitlines():
        if line.startswith("btime "):
            moment = datetime.fromtimestamp(int(line.split()[1]) + int(seconds), timezone.utc)
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None


def is_running(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def descends_from(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        fields = _stat(pid)
        if fields is None:
            return False
        pid = int(fields[1])
    return False


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name, which may itself hold blanks and brackets."""
    text = read_text(f"/proc/{pid}/stat")
    return text.rpartition(")")[2].split() if text else None


def arguments(pid: int) -> list[str]:
    return (read_text(f"/proc/{pid}/cmdline") or "").split("\0")[:-1]


def children(pid: int) -> list[int]:
    return [int(child) for child in (read_text(f"/proc/{pid}/task/{pid}/children") or "").split()]


def process_environment(pid: int) -> dict[str, str]:
    variables = {}
    for entry in (read_text(f"/proc/{pid}/environ") or "").split("\0"):
        name, separator, value = entry.partition("=")
        if separator:
            variables[name] = value
    return variables


def belongs_to(pid: int, directory: str) -> bool:
    """Whether the process lives in the directory: a process number in an old file may be anybody's by now."""
    places = [_link(f"/proc/{pid}/{name}") for name in ("cwd", "exe", "fd/1", "fd/2")]
    places += process_environment(pid).values()
    directory = os.path.realpath(directory)
    return any(place == directory or place.startswith(directory + os.sep) for place in places if place)


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
