# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot on its way back: fetched into a place that only root enters, looked through, and only then put in place.

What there was is kept. The exchange of the data is one rename of the kernel, so a run that is killed leaves one or the
other. What a PostgreSQL holds takes longer: until it is there, the client's directory is marked, and nobody starts it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from contextlib import contextmanager, suppress
from typing import Any, Iterator

from ansible_collections.mai.clients.plugins.module_utils import _envfile, _own_file
from ansible_collections.mai.clients.plugins.module_utils._backup import database, state
from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._backup.restic import ANSWER, Restic
from ansible_collections.mai.clients.plugins.module_utils._backup.run import SNAPSHOT, remove
from ansible_collections.mai.clients.plugins.module_utils._backup.stage import ASIDE
from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError
from ansible_collections.mai.clients.plugins.module_utils._instance import copy, dump, private_file, system
from ansible_collections.mai.clients.plugins.module_utils._instance.folder import (
    ADOPTED,
    COPIES,
    OVERRIDES,
    PEOPLE,
    RESTORING,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.place import DATA, place_of
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, shown
from ansible_collections.mai.clients.plugins.module_utils._turn import take_turn
from ansible_collections.mai.clients.plugins.module_utils._usage import history

try:
    import ctypes
except ImportError:
    HAS_CTYPES = False
else:
    HAS_CTYPES = True

SECRETS = "secrets.env"
# A place without a client yet has all of its own from the snapshot; what runs is started as the snapshot's was
BROUGHT = (
    *("secrets.env", "admin.env", PEOPLE, "api_key.env", "settings.env", "compose.yml", "start-mai-instance.sh"),
    ADOPTED,
    history.FILE,
)
# Why a copy of a PostgreSQL cannot be read here yet
_NO_PROGRAMS = ("stopped", "driver")
_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_EXCHANGE = 2
# For a backup that runs already
_PATIENCE = 600
_HERE = -100
_IDENTIFIER = re.compile(r"[0-9a-f]{4,64}")


class Place:
    """The folder of one client into which snapshots come, and what is done with them there."""

    def __init__(self, deployment_dir: str, scratch: str) -> None:
        self.deployment_dir = deployment_dir
        self.scratch = os.path.join(deployment_dir, scratch)
        self.tree = os.path.join(self.scratch, "tree")
        self.restoring = os.path.join(deployment_dir, RESTORING)

    def _restic(self) -> tuple[Restic, str]:
        try:
            found = places.load(self.deployment_dir)
        except (OSError, ValueError):
            raise Refused(
                f"No backup is set up for {self.deployment_dir}: set mai_backup_repository and run onboard_client.yml.",
                "missing",
            ) from None
        cache = os.path.join(places.folder_of(self.deployment_dir), "cache")
        return Restic(found["public"], found["secrets"], cache), str(found["public"]["client"])

    def snapshots(self) -> list[dict[str, Any]]:
        """Those of the client, the newest last."""
        restic, client = self._restic()
        try:
            found = json.loads(restic.ask("snapshots", "--json", "--no-lock", "--host", client, seconds=ANSWER))
        except ValueError:
            raise Refused(f"The repository {restic.shown()} gave no answer that makes sense.", "restic") from None
        # Without any, restic says null
        listed = [_snapshot(one) for one in found or [] if isinstance(one, dict) and one.get("id")]
        return sorted(listed, key=lambda one: one["time"])

    def choose(self, wanted: str) -> dict[str, Any]:
        restic, client = self._restic()
        known = self.snapshots()
        if not known:
            raise Refused(f"The repository {restic.shown()} holds no snapshot of {client}.", "missing")
        if wanted == "latest":
            return known[-1]
        fits = [one for one in known if _IDENTIFIER.fullmatch(wanted) and one["id"].startswith(wanted)]
        if len(fits) != 1:
            newest = ", ".join(f"{one['short_id']} ({one['time']})" for one in known[-5:])
            raise Refused(
                f"There is no snapshot {shown(wanted, 70)} of {client}; the newest are {newest}, or say latest.",
                "missing",
            )
        return fits[0]

    def fetch(self, wanted: str, image: str = "") -> dict[str, Any]:
        """Restore a snapshot into the scratch place; say what it holds, and what is wrong with it."""
        restic, _client = self._restic()
        chosen = self.choose(wanted)
        remove(self.scratch)
        os.mkdir(self.scratch, 0o700)
        self._check_room(restic, chosen["id"])
        files = os.path.join(os.path.realpath(self.scratch), "files")
        restic.ask("restore", chosen["id"], "--no-lock", "--target", files)
        source = os.path.join(files, chosen["path"].lstrip("/"))
        # Who can write to the storage may have made another path of it, or a link on the way
        if os.path.realpath(source) != source or not source.startswith(files + "/") or not os.path.isdir(source):
            raise Refused("The snapshot was not made by this collection: its folder is another one.", "foreign")
        os.rename(source, self.tree)
        remove(files)
        made_harmless = _make_harmless(self.tree)
        os.chmod(self.tree, 0o700)
        return {"snapshot": chosen, "made_harmless": made_harmless, **self.examine(image)}

    def _check_room(self, restic: Restic, snapshot: str) -> None:
        told = json.loads(restic.ask("stats", "--json", "--no-lock", "--mode", "restore-size", snapshot))
        # The database is copied once more into its place
        needed = int(told.get("total_size") or 0) * 2 + 64 * MIB
        free = shutil.disk_usage(self.scratch).free
        if free < needed:
            raise Refused(
                f"The snapshot needs {needed} bytes in {self.deployment_dir} and {free} are free. Free some space and "
                "run again.",
                "full",
            )

    def examine(self, image: str = "") -> dict[str, Any]:
        """What was fetched holds, and what is wrong with it. An image that has PostgreSQL's programs may be needed."""
        try:
            noted = json.loads(_own_file.read(os.path.join(self.tree, SNAPSHOT)).decode("utf-8"))
        except (OSError, ValueError, RecursionError):
            raise Refused("The snapshot was not made by this collection: it has no snapshot.json.", "foreign") from None
        counts = dict(noted.get("counts") or {})
        held, kind = self._database(image), place_of(self.deployment_dir).kind
        copies = database.kind_of(self._copies(self.tree))
        found = held if "counts" in held else {"counts": counts, "schema_revision": None, "organizations": []}
        faults = [
            f"the table {table} has {found['counts'].get(table, 0)} rows, and had {rows} when the snapshot was made"
            for table, rows in counts.items()
            if found["counts"].get(table, 0) != rows
        ]
        if copies != kind:
            faults.append(
                f"its database is {_KINDS[copies]}, and that of the client is {_KINDS[kind]}: set mai_database as it "
                "was when the snapshot was made"
            )
        # It may have been empty: a folder without a file
        if not os.path.isdir(os.path.join(self.tree, "data")):
            faults.append("the folder data is missing")
        faults += [f"{name} is missing" for name in (SECRETS, "api_key.env") if not self._has(name)]
        image = noted.get("image")
        return all_shown(
            {
                "noted": {
                    **{name: noted.get(name) for name in ("client", "client_id", "time", "deployment_dir")},
                    "image": image if isinstance(image, dict) else None,
                },
                "counts": found["counts"],
                "schema_revision": found["schema_revision"],
                "organizations": found["organizations"],
                "suspended": bool(found.get("suspended")),
                "unread": held.get("unread"),
                "faults": faults,
                "other_secret_key": self._secret_key(self.tree) != self._secret_key(self.deployment_dir),
            }
        )

    def _database(self, image: str) -> dict[str, Any]:
        """What the copy holds; why that cannot be told yet, on a machine without PostgreSQL's programs."""
        copies, place = self._copies(self.tree), place_of(self.deployment_dir)
        if database.kind_of(copies) != place.kind:
            return {}
        try:
            return database.describe(place, copies, image)
        except DatabaseError as error:
            if error.reason not in _NO_PROGRAMS:
                raise
            return {"unread": str(error)}

    @staticmethod
    def _copies(folder: str) -> str:
        return os.path.join(folder, "database")

    def _has(self, name: str) -> bool:
        return _is_file(os.path.join(self.tree, name))

    @staticmethod
    def _secret_key(directory: str) -> str | None:
        text = _own_file.read_text(os.path.join(directory, SECRETS))
        return _envfile.parse(text).get("WEBUI_SECRET_KEY") if text else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no backup of the client runs, which would be of half of each."""
        descriptor = os.open(
            os.path.join(places.folder_of(self.deployment_dir), places.LOCK),
            os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW,
            0o600,
        )
        try:
            if not take_turn(descriptor, _PATIENCE):
                raise Refused("A backup of this client is running: run again when it has ended.", "locked")
            yield
        finally:
            os.close(descriptor)

    def aside(self, moment: str) -> str:
        """Where what there was is kept."""
        return os.path.join(self.deployment_dir, f"{ASIDE}{moment}")

    def swap(self, moment: str, with_database: bool = True) -> dict[str, Any]:
        """Put what was fetched in place, while the instance is stopped; what there was is kept in a folder beside.

        Of SQLite that is all. A PostgreSQL follows by restore_database(), when its server is up.
        """
        live, aside = place_of(self.deployment_dir), self.aside(moment)
        if live.kind == "sqlite":
            held = os.path.join(self._copies(self.tree), live.copy_name)
            copy.restore(held, os.path.join(self.tree, os.path.relpath(live.path, self.deployment_dir)))
        new = not os.path.lexists(os.path.join(self.deployment_dir, "data"))
        follows = live.kind == "postgresql" and with_database
        # From here on it is never cleared away: after the exchange, what there was is in it
        os.rename(self.tree, aside)
        changed: list[str] = []
        try:
            # From now on this machine's backups are the client's, wherever it was before
            state.write(self.deployment_dir, {**(state.read(self.deployment_dir) or {}), "since": state.now()})
            if follows and not os.path.lexists(self.restoring):
                private_file.write(self.restoring, f"{moment}\n")
            # What an operator added beside the compose file comes where there was nothing; else theirs is the last word
            for name in (*BROUGHT, *(OVERRIDES if new else ())):
                source, place = os.path.join(aside, name), os.path.join(self.deployment_dir, name)
                other = name == SECRETS and self._secret_key(aside) != self._secret_key(self.deployment_dir)
                if _is_file(source) and (new or other or not os.path.lexists(place)):
                    _exchange(source, place)
                    changed.append(name)
            if follows and live.container and live.exists() and not live.answers():
                # A server that does not start keeps its data as they are, and another one is made
                system.run("docker", "rm", "--force", live.container)
                _exchange(os.path.join(aside, DATA), os.path.join(self.deployment_dir, DATA))
                changed.append(DATA)
            # Last: where it fails, it leaves what there was
            self._exchange_data(aside)
            changed.append("data")
        except BaseException:
            self.take_back(moment, changed)
            raise
        with suppress(OSError):
            remove(self.scratch)
        if new and not follows:
            # There was nothing to be kept
            remove(aside)
        return {"aside": None if new else aside, "changed": changed}

    def restore_database(self, moment: str) -> dict[str, Any]:
        """Put the copy into the PostgreSQL, after the exchange; what was in there is kept as a copy, too."""
        place, aside = place_of(self.deployment_dir), self.aside(moment)
        before = os.path.join(aside, place.copy_name)
        dump.make(place, before)
        held = any(dump.describe(place, before)["counts"].values())
        dump.restore(os.path.join(self._copies(aside), place.copy_name), place)
        private_file.remove(self.restoring)
        kept = held or any(os.path.lexists(os.path.join(aside, name)) for name in ("data", DATA))
        if not kept:
            remove(aside)
        return {"aside": aside if kept else None}

    def take_back(self, moment: str, changed: list[str]) -> None:
        """Undo an exchange, while the instance is stopped."""
        aside, place = self.aside(moment), place_of(self.deployment_dir)
        before = os.path.join(aside, COPIES[True])
        if DATA in changed and place.container:
            system.run("docker", "rm", "--force", place.container)
        elif os.path.lexists(before):
            dump.restore(before, place)
        for name in changed:
            if name == "data":
                self._exchange_data(aside)
            else:
                _exchange(os.path.join(aside, name), os.path.join(self.deployment_dir, name))
        # That of an earlier run stays: what this one goes back to is half of each
        if (_own_file.read_text(self.restoring) or "").strip() == moment:
            private_file.remove(self.restoring)
        # What is in it now is in the repository, too
        remove(aside)

    def _exchange_data(self, aside: str) -> None:
        """A disk of its own cannot be renamed: then its contents are exchanged, and what there was stays on it."""
        live, other = os.path.join(self.deployment_dir, "data"), os.path.join(aside, "data")
        if not os.path.ismount(live):
            _exchange(other, live)
            return
        kept = os.path.join(live, os.path.basename(aside))
        if os.path.lexists(kept):
            # It goes back
            _copy(live, other, os.path.basename(kept))
            _move(kept, live)
            os.rmdir(kept)
            return
        needed, free = _bytes_in(other) + 64 * MIB, shutil.disk_usage(live).free
        if free < needed:
            raise Refused(f"The data need {needed} bytes on their disk {live}, and {free} are free.", "full")
        os.mkdir(kept, 0o700)
        _move(live, kept, os.path.basename(kept))
        try:
            _copy(other, live)
        except BaseException:
            for name in set(os.listdir(live)) - {os.path.basename(kept)}:
                remove(os.path.join(live, name))
            _move(kept, live)
            os.rmdir(kept)
            raise

    def remove(self) -> None:
        remove(self.scratch)


def _is_file(path: str) -> bool:
    """An ordinary file, and no link to one."""
    return os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode)


def _snapshot(told: dict[str, Any]) -> dict[str, Any]:
    paths = told.get("paths") or [""]
    return all_shown(
        {
            "id": str(told["id"]),
            "short_id": str(told["id"])[:8],
            "time": state.utc(told.get("time")),
            "tags": [str(tag) for tag in told.get("tags") or []],
            "path": str(paths[0]),
        }
    )


def _exchange(one: str, other: str) -> None:
    """Each gets the other's name in one step; where there is no other, one gets its name."""
    if not os.path.lexists(one):
        os.rename(other, one)
        return
    if not os.path.lexists(other):
        os.rename(one, other)
        return
    if HAS_CTYPES:
        with suppress(AttributeError):
            rename = ctypes.CDLL(None, use_errno=True).renameat2
            if rename(_HERE, one.encode(), _HERE, other.encode(), _EXCHANGE) == 0:
                return
    # A file system that cannot: for a moment there is none under that name
    between = f"{one}.exchanged"
    os.rename(other, between)
    os.rename(one, other)
    os.rename(between, one)


def _move(source: str, target: str, but: str = "") -> None:
    for name in os.listdir(source):
        if name != but:
            os.rename(os.path.join(source, name), os.path.join(target, name))


def _bytes_in(folder: str) -> int:
    return sum(
        os.stat(name, dir_fd=here, follow_symlinks=False).st_size
        for _path, _folders, files, here in os.fwalk(folder, follow_symlinks=False)
        for name in files
    )


def _copy(source: str, target: str, but: str = "") -> None:
    """Into another disk, and away from the first one; the instance is stopped, so nobody else is at work there."""
    for name in os.listdir(source):
        if name == but:
            continue
        remove(os.path.join(target, name))
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            ["cp", "-a", "--", os.path.join(source, name), target],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if done.returncode:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise Refused(f"The data could not be copied to their disk: {shown(''.join(last), 200)}.", "machine")
        remove(os.path.join(source, name))


def _make_harmless(tree: str) -> int:
    """Without devices, pipes and rights of a file's owner for whoever runs it; how many things that were.

    A snapshot has none of them. Somebody who can write to the storage and knows its password may have made another.
    """
    number = 0
    for _path, folders, files, here in os.fwalk(tree, follow_symlinks=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            kind = status.st_mode
            if stat.S_ISLNK(kind):
                continue
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                os.unlink(name, dir_fd=here)
                number += 1
            elif stat.S_IMODE(kind) & 0o7000:
                os.chmod(name, stat.S_IMODE(kind) & 0o0777, dir_fd=here)
                number += 1
    return number
