# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running restic for one client: what it needs to know is in its environment, and what went wrong is one sentence.

No argument holds a password, a key of the storage or a URL: arguments are seen by every user of the machine.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import time
from contextlib import suppress
from typing import Any, Callable, Iterator, Mapping
from urllib.parse import quote

from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._secret import LOOKS_SECRET, MASK
from ansible_collections.mai.clients.plugins.module_utils._text import shown

# A storage that is there answers a question within that; restic itself tries for a quarter of an hour
ANSWER = 90
# Of gigabytes over a slow line
LONG = 12 * 3600
_MOST = 8 * 1024 * 1024
_FULL = r"no space left on device|disk quota exceeded"
_KNOWN = (
    (r"wrong password or no key found", "password", "does not open with mai_backup_password: correct it"),
    (
        r"already locked|unable to create lock",
        "locked",
        "is locked by another run: wait until that has ended, and run again",
    ),
    (_FULL, "full", "has no room left: make room there"),
    (
        r"unable to open config file|repository does not exist|config file does not exist|Is there a repository",
        "missing",
        "does not exist",
    ),
    (r"read-only file system|permission denied|access denied|403|401", "refused", "refuses to be written or read"),
    (
        r"connection refused|no such host|timed? ?out|unreachable|could not resolve|host key verification|"
        r"subprocess ssh|ssh: |dial tcp|unable to start the sftp session|EOF|no answer",
        "unreachable",
        "does not answer",
    ),
    (r"executable file not found|No such file or directory: 'restic'", "missing_program", "cannot be asked"),
)


class ResticError(Refused):
    """What restic could not do, for a person."""


class Restic:
    """One repository, as the settings of a client have it."""

    def __init__(self, public: Mapping[str, Any], secrets: Mapping[str, Any], cache: str) -> None:
        self.repository = str(public["repository"])
        self._secrets = secrets
        self._password = str(secrets["password"])
        self._options = self._sftp_options()
        self._cache = ["--no-cache"] if places.is_local(self.repository) else ["--cache-dir", cache]

    def _environment(self) -> dict[str, str]:
        own = {str(name): str(value) for name, value in dict(self._secrets.get("environment") or {}).items()}
        url = self.repository
        user, password = own.get("RESTIC_REST_USERNAME"), own.get("RESTIC_REST_PASSWORD")
        # Releases before 0.16 know these two only as parts of the URL
        if user and url.startswith("rest:"):
            scheme, separator, rest = url[len("rest:") :].partition("://")
            login = quote(user, safe="") + (":" + quote(password, safe="") if password else "")
            url = f"rest:{scheme}{separator}{login}@{rest}"
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/root", "LC_ALL": "C"}
        environment.update(own)
        environment.update(RESTIC_REPOSITORY=url, RESTIC_PASSWORD=self._password, RESTIC_PROGRESS_FPS="1")
        return environment

    def _sftp_options(self) -> list[str]:
        """Nobody is there to be asked for a password or a host key, and a dead host must not hold a run for ever."""
        parts = places.sftp(self.repository)
        if parts is None:
            return []
        command = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=30"
        command += f" -p {parts['port']}" if parts["port"] else ""
        command += f" -l {parts['user']}" if parts["user"] else ""
        return ["-o", f"sftp.command={command} {parts['host'].strip('[]')} -s sftp"]

    # --- questions

    def ask(self, *arguments: str, seconds: float = LONG, second_password: str | None = None) -> str:
        """What restic prints; a sentence is raised where it fails."""
        output: list[bytes] = []
        self._run(arguments, seconds, output.append, second_password)
        return b"".join(output).decode("utf-8", "replace")

    def lines(
        self,
        *arguments: str,
        told: Callable[[dict[str, Any]], None] | None = None,
        seconds: float = LONG,
        cwd: str | None = None,
        fine: tuple[int, ...] = (0,),
    ) -> list[dict[str, Any]]:
        """What restic prints as JSON, a message per line; told hears each of them, the last 50 are returned."""
        found: list[dict[str, Any]] = []

        def hear(line: bytes) -> None:
            with suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    if message.get("message_type") != "status":
                        found.append(message)
                        del found[:-50]
                    if told:
                        told(message)

        self._run(arguments, seconds, hear, cwd=cwd, fine=fine)
        return found

    def _run(
        self,
        arguments: tuple[str, ...],
        seconds: float,
        hear: Callable[[bytes], Any],
        second_password: str | None = None,
        cwd: str | None = None,
        fine: tuple[int, ...] = (0,),
    ) -> None:
        argv = ["restic", *self._cache, *self._options, *arguments]
        reading = None
        if second_password is not None:
            reading, writing = os.pipe()
            os.write(writing, second_password.encode())
            os.close(writing)
            argv += ["--new-password-file", f"/dev/fd/{reading}"]
        errors = b""
        try:
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd or "/",
                pass_fds=[] if reading is None else [reading],
            )
        except OSError as error:
            raise ResticError(
                f"restic cannot be started ({error.strerror}): run onboard_client.yml, which installs it.", "program"
            ) from None
        finally:
            if reading is not None:
                os.close(reading)
        with process:
            try:
                for is_error, line in _said(process, time.monotonic() + seconds):
                    if is_error:
                        errors = (errors + line)[-20000:]
                    else:
                        hear(line)
            except TimeoutError:
                process.kill()
                raise ResticError(self._sentence(f"no answer within {seconds:.0f} seconds"), "unreachable") from None
            except BaseException:
                process.terminate()
                raise
        if process.returncode not in fine:
            text = errors.decode("utf-8", "replace")
            reason = self._reason(text, process.returncode)
            raise ResticError(self._sentence(text, reason), reason)

    # --- what went wrong

    @staticmethod
    def _reason(text: str, code: int | None = None) -> str:
        # A lock that does not fit on the disk is a full disk
        if re.search(_FULL, text, re.IGNORECASE):
            return "full"
        by_code = {10: "missing", 11: "locked", 12: "password"}.get(code or 0)
        if by_code:
            return by_code
        return next((reason for words, reason, _said in _KNOWN if re.search(words, text, re.IGNORECASE)), "restic")

    def _sentence(self, text: str, reason: str | None = None) -> str:
        reason = reason or self._reason(text)
        what = next((said for _words, name, said in _KNOWN if name == reason), "could not be worked with")
        return f"The repository {self.shown()} {what} ({self._detail(text)})."

    def shown(self) -> str:
        return shown(LOOKS_SECRET.sub(MASK, self.repository), 200)

    def _detail(self, text: str) -> str:
        """The line that says most, without any secret that it may quote."""
        secrets = [self._password, str(self._secrets.get("recovery_password") or "")]
        secrets += [str(value) for value in dict(self._secrets.get("environment") or {}).values()]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, MASK).replace(quote(secret, safe=""), MASK)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        lines = [_message(line) for line in lines]
        # What ssh itself says is the cause, what restic says then is that it has none
        ssh = [line.partition("ssh: ")[2] for line in lines if line.startswith("subprocess ssh: ")]
        fatal = (
            ssh
            or [line for line in lines if line.startswith("Fatal:")]
            or [
                line
                for line in lines
                if re.search("|".join(words for words, _reason, _said in _KNOWN), line, re.IGNORECASE)
            ]
        )
        line = (fatal or lines or ["it gave no reason"])[0]
        return shown(LOOKS_SECRET.sub(MASK, line.replace("Fatal: ", "")), 300)


def _message(line: str) -> str:
    """An error that restic tells as JSON, as text."""
    with suppress(ValueError, AttributeError, TypeError):
        told = json.loads(line)
        error = told.get("error") or {}
        return str(told.get("message") or error.get("message") or error or line)
    return line


def _said(process: subprocess.Popen, deadline: float) -> Iterator[tuple[bool, bytes]]:
    """Line by line, whether it is of the errors; a line without an end comes in pieces."""
    with selectors.DefaultSelector() as selector:
        pending = {process.stdout: b"", process.stderr: b""}
        for stream in pending:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(deadline - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            for key, _events in ready:
                stream = key.fileobj
                piece = os.read(key.fd, 65536)
                if not piece:
                    selector.unregister(stream)
                    if pending[stream]:
                        yield stream is process.stderr, pending[stream]
                    continue
                *whole, pending[stream] = (pending[stream] + piece).split(b"\n")
                for line in whole:
                    yield stream is process.stderr, line + b"\n"
                if len(pending[stream]) > _MOST:
                    yield stream is process.stderr, pending[stream]
                    pending[stream] = b""
    process.wait(max(deadline - time.monotonic(), 5))
