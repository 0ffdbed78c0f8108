# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing what Caddy serves: one at a time, whole or not at all, and back where Caddy does not take it.

What Caddy is to read is tried beside what it reads, and takes its place by renames: a Caddy that is started at any
instant, after a run that was killed, reads what it accepts.

Caddy is reloaded, never restarted: a restart would cut everybody's answers off. It is asked to read its whole
configuration before the reload, as the user who runs it: as root it would make log files that it cannot open later.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import ssl
import time
from typing import Iterator

from ansible_collections.mai.clients.plugins.module_utils._instance import private_file, site, system
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.module_utils._turn import take_turn

IMPORT_LINES = "\n# Sites of clients, made by the collection mai.clients\nimport {}/*.caddy\n"
_PATIENCE = 120
# For those who are before: each of them may wait for a certificate
_TURN = 900


class NotTaken(Exception):
    """Why Caddy does not take a change, and what to do; everything is as it was before."""


class Content:
    """What a file is to hold, None for none, and who may read it."""

    def __init__(self, content: bytes | None, mode: int = 0o644, group: int = 0, owner: int = 0) -> None:
        self.content, self.mode, self.group, self.owner = content, mode, group, owner


class Caddy:
    def __init__(self, run_command) -> None:
        self._run_command = run_command
        self._config = os.path.realpath(site.CONFIG)
        self.unit = system.properties(site.show_unit().outcome().output)

    @property
    def user(self) -> str:
        return self.unit.get("User") or "root"

    @property
    def group(self) -> int:
        try:
            return pwd.getpwnam(self.user).pw_gid
        except KeyError:
            return 0

    @property
    def active(self) -> bool:
        return self.unit.get("ActiveState") in ("active", "reloading")

    def imports(self) -> Content | None:
        """The configuration with the line that brings the sites, where it has none."""
        text = (site.read(self._config) or b"").decode("utf-8", "surrogateescape")
        if site.imports(text):
            return None
        text = text if text.endswith("\n") or not text else text + "\n"
        wanted = (text + IMPORT_LINES.format(site.DIRECTORY)).encode("utf-8", "surrogateescape")
        own = _found(self._config)
        return Content(wanted, own.mode, own.group, own.owner)

    def change(self, wanted: dict[str, Content], client: str) -> None:
        """Raises NotTaken. A kill at any instant leaves what Caddy accepts, and a mark for the next run."""
        place, pending = site.site_path(client), site.pending_path(client)
        # What the site needs, the site, and what brings the sites; what goes does so once nothing names it
        order = sorted(wanted, key=lambda path: (path == self._config, path == place))
        comes = [path for path in order if wanted[path].content is not None or path == place]
        goes = [path for path in order if path not in comes]
        before, waits = {path: _found(path) for path in comes}, os.path.exists(pending)
        write(pending, Content(b""))
        try:
            self._validate(client, {path: wanted[path] for path in comes})
        except BaseException:
            if not waits:
                os.unlink(pending)
            raise
        try:
            for path in comes:
                write(path, wanted[path])
            # For what goes, no Caddy is started
            if self.active or any(content.content is not None for content in wanted.values()) or not wanted:
                self._load(client)
        except BaseException as error:
            # Whether Caddy took it is not known: the mark stays
            for path in reversed(comes):
                write(path, before[path])
            if isinstance(error, NotTaken):
                raise NotTaken(f"{error}{self._blame()}") from None
            raise
        for path in goes:
            write(path, wanted[path])
        os.unlink(pending)

    def config_file(self) -> str:
        return self._config

    def _ask(self, config: str) -> tuple[int, str]:
        argv = ["timeout", "60", "caddy", "validate", "--config", config, "--adapter", "caddyfile"]
        if self.user != "root":
            argv = ["runuser", "-u", self.user, "--", *argv]
        code, _output, error = self._run_command(argv, environ_update=self._environment())
        lines = [line for line in error.splitlines() if line.strip()]
        return code, shown(lines[-1] if lines else "it gives no reason")

    def _environment(self) -> dict[str, str]:
        """That of the Caddy that runs: its configuration may take values from there."""
        pid = int(self.unit.get("MainPID") or 0)
        running = system.process_environment(pid) if pid else {}
        home = os.path.expanduser(f"~{self.user}")
        kept = {name: value for name, value in running.items() if name not in ("NOTIFY_SOCKET", "LISTEN_FDS")}
        return {"HOME": home, **kept, "LC_ALL": "C"}

    def _validate(self, client: str, comes: dict[str, Content]) -> None:
        """Of the whole, beside what there is: the operator's file, which may name its neighbours, and all sites."""
        trial = {
            path: os.path.join(os.path.dirname(path), f".{client}.{number}.new") for number, path in enumerate(comes)
        }
        # Where Caddy reads it, which may be a link to somewhere else
        config, sites = os.path.join(os.path.dirname(site.CONFIG), ".mai.clients.new"), site.trial_path(client)
        own = comes.get(self._config) or _found(self._config)
        place = site.site_path(client)
        names = [os.path.join(site.DIRECTORY, name) for name in sorted(os.listdir(site.DIRECTORY))]
        others = [path for path in names if path.endswith(".caddy") and path not in comes]
        new = [trial[place]] if place in comes and comes[place].content is not None else []
        lines = "".join(f"import {path}\n" for path in [*others, *new])
        # Caddy takes no file that is empty
        text = site.importing(own.content or b"", f"import {sites}" if lines else "# no sites")
        try:
            for path, content in comes.items():
                if path != self._config and content.content is not None:
                    write(trial[path], Content(_renamed(content.content, trial), content.mode, content.group))
            write(sites, Content(lines.encode("utf-8")))
            # It may hold what nobody else is to read
            write(config, Content(text, 0o640, self.group))
            code, said = self._ask(config)
        finally:
            for path in (*trial.values(), sites, config):
                write(path, Content(None))
        if code != 0:
            for path, there in {self._config: config, **trial}.items():
                said = said.replace(there, path)
            raise NotTaken(f"Caddy does not accept the site of {client}: {said}. {self._blame()}")

    def _blame(self) -> str:
        """Whose fault it is, now that everything is as it was."""
        code, said = self._ask(self._config)
        if code != 0:
            return (
                f"Its configuration {self._config} is not accepted without that site either ({said}): correct it, and "
                "run again. Nothing was changed, what Caddy serves it serves on."
            )
        return "Nothing was changed, what Caddy serves it serves on. Correct that, and run again."

    def _load(self, who: str) -> None:
        verb = "reload" if self.active else "start"
        began = time.time()
        done = system.run("systemctl", verb, site.UNIT, timeout=_PATIENCE)
        if not done.ok:
            raise NotTaken(f"Caddy did not {verb} for {who}: {_journal(began) or shown(done.error.strip())}. ")


def _journal(since: float) -> str:
    """What Caddy, or systemd about it, said last of what went wrong."""
    argv = ("journalctl", "--unit", site.UNIT, "--output=cat", f"--since=@{int(since)}", "--no-pager", "--quiet")
    lines = system.run(*argv, "--lines=200", timeout=10).output.splitlines()
    found = [line for line in lines if line.startswith("Error:") or '"level":"error"' in line]
    return shown(found[-1]) if found else ""


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """One change at a time; the lock ends with the process, and leaves nothing behind."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not take_turn(descriptor, _TURN):
            raise NotTaken(f"Other runs have been changing what Caddy serves for {_TURN} s. Run again.")
        yield
    finally:
        os.close(descriptor)


def _renamed(content: bytes, trial: dict[str, str]) -> bytes:
    """A site as it is tried, with the files that it needs where they are tried."""
    for path, there in trial.items():
        content = content.replace(path.encode("utf-8"), there.encode("utf-8"))
    return content


def write(path: str, wanted: Content) -> None:
    if wanted.content is None:
        private_file.remove(path)
        return
    private_file.write_bytes(path, wanted.content, wanted.mode, wanted.group, wanted.owner)


def _found(path: str) -> Content:
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            return Content(stream.read(), status.st_mode & 0o7777, status.st_gid, status.st_uid)
    except FileNotFoundError:
        return Content(None)


def differs(path: str, wanted: Content) -> bool:
    found = _found(path)
    if wanted.content is None or found.content is None:
        return wanted.content is not found.content
    return (found.content, found.mode, found.group) != (wanted.content, wanted.mode, wanted.group)


def is_there() -> bool:
    return shutil.which("caddy") is not None


def wait_for_certificate(fqdn: str, seconds: float) -> bool:
    """Until Caddy shows one for that name; a new one takes as long as its authority does."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ssl.SSLError, ValueError):
            site.connect(fqdn, site.trusting_anybody(), timeout=5).close()
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
