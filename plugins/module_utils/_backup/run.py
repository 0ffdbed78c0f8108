# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup of one client, from its database to the storage. Started by the client's systemd unit, and only so.

The instance is read, never written to. Whatever goes wrong is noted as one sentence, and the next run begins anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Callable, Mapping

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._backup import database, machines, stage, state
from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._backup.restic import ANSWER, LONG, Restic, ResticError
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._instance import folder
from ansible_collections.mai.clients.plugins.module_utils._text import shown

# Beside the data; what somebody adds by hand to that directory is theirs
FILES = (*folder.FILES, folder.MARK, *folder.OVERRIDES)
SNAPSHOT = "snapshot.json"
# One of before an upgrade is not to go with the next one of that day
RECENT = "--keep-within=3d"
_CHECK_SECONDS = 7 * 24 * 3600
_FORMAT = 1


class Ended(Exception):
    """Somebody ended the run."""


def main(program: str) -> int:
    """Back up the client in whose directory the program lies; 0 if that was done."""
    deployment_dir = os.path.dirname(os.path.dirname(os.path.abspath(program)))
    try:
        settings = places.load(deployment_dir)
    except (OSError, ValueError) as error:
        _say(f"{deployment_dir} has no settings of a backup ({type(error).__name__}): run onboard_client.yml.")
        return 2
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    os.umask(0o077)
    lock = os.open(
        os.path.join(places.folder_of(deployment_dir), places.LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _say("Another backup of this client is running.")
        return 75
    return Run(deployment_dir, settings["public"], settings["secrets"]).all()


def _say(words: str) -> None:
    """To the journal: this is a program of its own, and no module."""
    sys.stdout.write(f"{words}\n")


def _end(_number: int, _frame: Any) -> None:
    raise Ended


class Run:
    def __init__(self, deployment_dir: str, public: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        self.deployment_dir = deployment_dir
        self.public = public
        self.secrets = secrets
        self.client, self.service = str(public["client"]), str(public["service"])
        self.own = places.folder_of(deployment_dir)
        self.stage = os.path.join(self.own, "stage")
        self.restic = Restic(public, secrets, os.path.join(self.own, "cache"))
        self.state = state.read(deployment_dir) or {}
        if self.state.get("repository") != self.restic.repository:
            # What was noted is of another place
            self.state = {"repository": self.restic.repository, "since": self.state.get("since")}
        self.machine = machines.identity()
        self.state["since"] = self.state.get("since") or state.now()

    def all(self) -> int:
        began = time.monotonic()
        self.state.update(started=state.now())
        self._tell("begins")
        try:
            self._back_up()
            self.state.update(
                seconds=round(time.monotonic() - began, 1), error=None, error_reason=None, error_time=None
            )
            self._tell("done", ok=True)
        except Ended:
            self._failed("The backup was ended before it was done.", "ended")
        except Refused as refused:
            self._failed(str(refused), refused.reason)
        except OSError as error:
            where = f" ({shown(error.filename)})" if error.filename else ""
            reason = "full" if error.errno == 28 else "machine"
            self._failed(f"The backup could not be made: {error.strerror}{where}.", reason)
        except Exception as error:
            # Its text may quote what it could not read
            self._failed(f"The backup could not be made: {type(error).__name__}.", "fault")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with suppress(OSError):
            remove(self.stage)
        self._note()
        state.write_metrics(self.public.get("metrics_dir"), self.client, self.state)
        _say(self.state.get("error") or f"snapshot {self.state.get('snapshot')}")
        return 1 if self.state.get("error") else 0

    def _note(self) -> None:
        try:
            state.write(self.deployment_dir, self.state)
        except OSError as error:
            _say(f"What became of it could not be noted: {error.strerror}.")

    def _failed(self, why: str, reason: str) -> None:
        self.state.update(error=why, error_reason=reason, error_time=state.now())
        self._tell("failed", ok=False, error=why, reason=reason)

    def _tell(self, step: str, **what: Any) -> None:
        state.tell(self.service, step=step, started=self.state.get("started"), pid=os.getpid(), **what)

    # --- steps

    def _back_up(self) -> None:
        self._tell("opening the repository")
        self._open()
        other = self._other_machine()
        self._tell("copying the database")
        noted = self._collect()
        self._tell("saving", percent=0)
        summary = self._save(noted)
        self.state.update(
            last_success=state.now(),
            snapshot=summary["snapshot_id"],
            bytes=summary.get("total_bytes_processed"),
            added_bytes=summary.get("data_added"),
            files=noted["files"],
            left_out=noted["left_out"],
            image=(noted["image"] or {}).get("reference"),
            schema_revision=noted["schema_revision"],
            warning=other,
        )
        # From here on there is a backup, whatever becomes of the old ones
        self._note()
        try:
            self._tidy()
        except ResticError as error:
            self.state["warning"] = f"The backup was made, but old ones were not removed or checked. {error}"
            if other:
                self.state["warning"] = f"{other}. {self.state['warning']}"

    def _open(self) -> None:
        try:
            config = self._config()
        except ResticError as error:
            if error.reason != "missing":
                raise
            if self.state.get("repository_id"):
                raise ResticError(
                    f"{error} It was there before, so none is made in its place: see whether its disk or share is "
                    "mounted. Where it is gone for good, give mai_backup_repository another place.",
                    "gone",
                ) from None
            self.restic.ask("init", seconds=ANSWER)
            config = self._config()
        if self.state.get("repository_id") not in (None, config["id"]):
            raise ResticError(
                f"The repository {self.restic.shown()} is another one than before, as if its disk or share were not "
                "mounted. Where it was made anew on purpose, remove .backup/state.json in the client's directory.",
                "gone",
            )
        self.state["repository_id"] = config["id"]
        self._add_recovery_key()

    def _other_machine(self) -> str | None:
        """What is to be said of another one at work for this client. Refused where that one has it now."""
        word = machines.word_from(self.client)
        try:
            asked = ("--json", "--no-lock", "--host", self.client, "--host", word, "--latest", "1")
            told = json.loads(self.restic.ask("snapshots", *asked, seconds=ANSWER)) or []
        except ValueError:
            raise self._no_sense() from None
        since = machines.replaced(told, self.client, self.machine, self.state["since"])
        if since:
            self._leave_word(word)
            raise ResticError(
                f"{self.client} has been backed up from another machine since {since}, so nothing was saved here: the "
                "newest snapshot stays that one's. Stop this instance and the timer of its backups, since both spend "
                "with one key; or run restore_client.yml for this machine, if it is the one that counts.",
                "moved",
            )
        heard = machines.still_at_work(told, self.machine, self.state["since"], self.state.get("last_success"))
        if not heard:
            return None
        return (
            f"another machine of {self.client} is at work ({heard}), as if the one that it was moved from had come "
            "back: stop the instance and the timer of its backups there, since both spend with one key"
        )

    def _leave_word(self, word: str) -> None:
        remove(self.stage)
        os.mkdir(self.stage, 0o700)
        _write(os.path.join(self.stage, "returned.json"), json.dumps({"time": state.now()}).encode(), 0o600)
        tags = [part for tag in machines.tags(self.machine, self.state["since"]) for part in ("--tag", tag)]
        self._past_dead_locks(lambda: self.restic.ask("backup", "--host", word, *tags, self.stage, seconds=ANSWER))

    def _config(self) -> dict[str, Any]:
        try:
            return json.loads(self.restic.ask("cat", "config", "--no-lock", seconds=ANSWER))
        except ValueError:
            raise self._no_sense() from None

    def _no_sense(self) -> ResticError:
        return ResticError(f"The repository {self.restic.shown()} gave no answer that makes sense.", "restic")

    def _add_recovery_key(self) -> None:
        recovery = self.secrets.get("recovery_password")
        stamp = places.stamp(self.client, {"recovery": recovery})
        if not recovery or self.state.get("recovery_stamp") == stamp:
            return
        second = Restic(self.public, dict(self.secrets, password=recovery), os.path.join(self.own, "cache"))
        try:
            second.ask("cat", "config", "--no-lock", seconds=ANSWER)
        except ResticError as error:
            if error.reason != "password":
                raise
            self._unlocked("key", "add", second_password=str(recovery))
        self.state["recovery_stamp"] = stamp

    def _collect(self) -> dict[str, Any]:
        """Everything that belongs into the snapshot, in a folder that only root enters."""
        remove(self.stage)
        os.mkdir(self.stage, 0o700)
        copies = os.path.join(self.stage, "database")
        os.mkdir(copies, 0o700)
        described = database.copy_into(self.deployment_dir, copies)
        found = stage.stage(os.path.join(self.deployment_dir, "data"), os.path.join(self.stage, "data"))
        for name in FILES:
            with suppress(FileNotFoundError):
                content = _own_file.read(os.path.join(self.deployment_dir, name))
                mode = os.lstat(os.path.join(self.deployment_dir, name)).st_mode & 0o700
                _write(os.path.join(self.stage, name), content, mode)
        noted = {
            "format": _FORMAT,
            "client": self.client,
            "client_id": self.public.get("client_id"),
            "deployment_dir": self.deployment_dir,
            "time": state.now(),
            "image": folder.image(self.deployment_dir),
            "files": found["files"],
            "left_out": found["left_out"],
            **described,
        }
        _write(os.path.join(self.stage, SNAPSHOT), (json.dumps(noted, indent=1) + "\n").encode(), 0o600)
        return noted

    def _save(self, noted: Mapping[str, Any]) -> dict[str, Any]:
        image = (noted["image"] or {}).get("reference") or "none"
        tags = ["mai.clients", f"image={image}", f"schema={(noted['schema_revision'] or 'none').replace(', ', '+')}"]
        tags += machines.tags(self.machine, self.state["since"])
        arguments = ["backup", "--json", "--host", self.client, "--ignore-ctime"]
        for tag in tags:
            arguments += ["--tag", tag.replace(",", "+")]
        last = [-1]

        def told(message: dict[str, Any]) -> None:
            percent = int(100 * float(message.get("percent_done") or 0))
            if message.get("message_type") == "status" and percent != last[0]:
                last[0] = percent
                self._tell("saving", percent=percent, bytes=message.get("total_bytes"))

        messages = self._past_dead_locks(lambda: self.restic.lines(*arguments, self.stage, told=told, fine=(0, 3)))
        summary = next((one for one in messages if one.get("message_type") == "summary"), None)
        faults = [one for one in messages if one.get("message_type") == "error"]
        if summary is None or not summary.get("snapshot_id"):
            raise ResticError(f"restic made no snapshot in {self.restic.shown()}.", "restic")
        if faults:
            raise ResticError(
                f"The snapshot {summary['snapshot_id'][:8]} lacks {len(faults)} files, which could not be read.",
                "restic",
            )
        return summary

    def _tidy(self) -> None:
        keep = {name: int(number) for name, number in dict(self.public.get("keep") or {}).items()}
        if keep:
            self._tell("removing old snapshots")
            wanted = [RECENT, *(f"--keep-{name}={number}" for name, number in sorted(keep.items()))]
            self._unlocked("forget", "--host", self.client, "--group-by", "host", "--prune", *wanted)
        if time.time() - state.seconds_of(self.state.get("checked")) > _CHECK_SECONDS:
            self._tell("checking the repository")
            self._unlocked("check")
            self.state["checked"] = state.now()

    def _unlocked(self, *arguments: str, second_password: str | None = None) -> None:
        """What restic does alone."""
        self._past_dead_locks(lambda: self.restic.ask(*arguments, seconds=LONG, second_password=second_password))

    def _past_dead_locks(self, work: Callable[[], Any]) -> Any:
        """A lock of a run that is dead, or half an hour old, is removed; a live one is not."""
        try:
            return work()
        except ResticError as error:
            if error.reason != "locked":
                raise
            self.restic.ask("unlock", seconds=ANSWER)
            return work()


def _write(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def remove(path: str) -> None:
    """However deep it is nested, which Python's own removal does not cope with."""
    if os.path.lexists(path):
        subprocess.run(  # pylint: disable=ansible-bad-function
            ["rm", "-rf", "--one-file-system", "--", path], check=False, stdin=subprocess.DEVNULL
        )
    if os.path.lexists(path):
        raise Refused(f"{path} of an earlier run cannot be removed.", "machine")
