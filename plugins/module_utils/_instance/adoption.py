# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making an instance that was made by hand one of a client's, on its machine, and undoing that.

Each step can be taken again: whoever is killed in the midst leaves a note of what has begun, and the next run goes on
from there. The container of before is stopped and renamed, and goes only when the new one works.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils import _envfile, _own_file
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._instance import copy as copies
from ansible_collections.mai.clients.plugins.module_utils._instance import (
    engine,
    folder,
    hand_made,
    private_file,
    system,
)
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

# What was there before, and what is gone back to
ASIDE = ".before-adoption"
ENDING = "-before-adoption"
# Compose's names for its file, in whatever generation, and what it obeys unasked
_COMPOSE_FILES = (
    *("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml", ".env"),
    *folder.OVERRIDES,
)
_OURS = (
    *(folder.MARK, "api_key.env", "secrets.env", "settings.env", "database.env", "admin.env", folder.ADOPTED),
    *("compose.yml", "HANDOVER.md"),
)
_PATIENCE = 120
_COPYING = 3600


def begun(directory: str) -> dict[str, Any] | None:
    """What was noted when an adoption began there; None when none did, or when it ended."""
    try:
        found = json.loads(_own_file.read(os.path.join(directory, folder.ADOPTING)).decode("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"id", "name", "taken"} <= set(found) else None


class Adoption:
    """One instance, and the directory of its client."""

    def __init__(self, client: str, directory: str, container: str) -> None:
        self.client, self.directory = client, directory
        self.note = begun(directory)
        wanted = self.note["id"] if self.note else container
        every = engine.inspect_containers()
        found = [one for one in hand_made.instances(every) if wanted in (one.identifier, one.name)]
        self.one = found[0] if found else None

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _instance(self) -> hand_made.HandMade:
        if self.one is None:
            raise Refused("The container that is to be adopted is not on the machine any more.", "missing")
        return self.one

    def prepare(self, key_hash: str, variables: list[str], known: list[str], new_secret_key: bool, how: str) -> bool:
        """Note what begins, and write what the client needs of the instance's secrets. People notice nothing."""
        if self.note and self.note["taken"]:
            return False
        one = self._instance()
        contents = one.contents()
        key = next((value for _where, value in one.keys(contents) if sha256(value) == key_hash), None)
        if key is None:
            raise Refused("The instance does not hold the client's key any more.", "missing")
        published = engine.url(one.described()) if one.running else None
        _where, secret_key = one.secret_key(contents, published)
        if secret_key is None and not new_secret_key:
            raise Refused("What the instance signs its sessions with was not found.", "missing")
        taken_over = {name: value for name, value in one.own_variables().items() if name not in known}
        # Before the first change: who is killed now goes on, or back
        if self.note is None:
            self.note = self._noted(one, how)
            os.makedirs(self.directory, mode=private_file.DIRECTORY_MODE, exist_ok=True)
            self._write_note()
        os.chmod(self.directory, private_file.DIRECTORY_MODE)
        os.makedirs(self._path(ASIDE), mode=private_file.DIRECTORY_MODE, exist_ok=True)
        private_file.write(self._path(folder.ADOPTED), _envfile.dump(taken_over))
        if secret_key is not None:
            private_file.write(self._path("secrets.env"), _envfile.dump({hand_made.SECRET_KEYS[0]: secret_key}))
        private_file.write(self._path("api_key.env"), _envfile.dump(dict.fromkeys(variables, key)))
        private_file.write(self._path(folder.MARK), f"{self.client}\n")
        return True

    def _noted(self, one: hand_made.HandMade, how: str) -> dict[str, Any]:
        there = os.path.isdir(self.directory)
        return {
            "id": one.identifier,
            "name": one.name,
            "running": one.running,
            "restart": (one.host.get("RestartPolicy") or {}).get("Name") or "no",
            "image": one.config.get("Image"),
            "image_id": one.entry.get("Image"),
            "data": {**one.data, "how": how},
            "mode": folder.mode(os.stat(self.directory)) if there else None,
            "taken": False,
        }

    def _write_note(self) -> None:
        private_file.write(self._path(folder.ADOPTING), json.dumps(self.note, indent=1) + "\n")

    def take(self, service: str) -> bool:
        """Stop it for good, and have its data where the client's are."""
        note = self.note
        if note is None:
            raise Refused("No adoption was begun.", "missing")
        if note["taken"]:
            return False
        one = self._instance()
        _docker("update", "--restart=no", one.identifier)
        if one.running:
            # Open streams of answers are finished first
            _docker("stop", "--time=30", one.identifier)
        if not one.name.endswith(ENDING):
            _docker("rename", one.identifier, note["name"] + ENDING)
        self._copy_database(one)
        for name in _COMPOSE_FILES:
            if os.path.lexists(self._path(name)) and not os.path.lexists(self._path(f"{ASIDE}/{name}")):
                os.rename(self._path(name), self._path(f"{ASIDE}/{name}"))
        self._bring_data(one)
        # By this the client's own compose file goes on with the image that the data were used with
        lines = [
            f"x-mai-image: {note['image_id']}",
            "services:",
            f"  {service}:",
            f"    image: {json.dumps(note['image'])}",
        ]
        private_file.write(self._path("compose.yml"), "\n".join(lines) + "\n")
        note["taken"] = True
        self._write_note()
        return True

    def _copy_database(self, one: hand_made.HandMade) -> None:
        path, copy = one.place.path, self._path(f"{ASIDE}/webui.db")
        if one.data["source"] and os.path.lexists(path) and not os.path.lexists(copy):
            copies.make(path, copy)

    def _bring_data(self, one: hand_made.HandMade) -> None:
        how, source, target = self.note["data"]["how"], one.data["source"], self._path("data")
        if how == "stays" or os.path.lexists(target):
            return
        if how == "renamed":
            os.rename(source, target)
            return
        partial = self._path("data.adopting")
        shutil.rmtree(partial, ignore_errors=True)
        if how == "from the container":
            os.mkdir(partial)
            _docker("cp", "--archive", f"{one.identifier}:{one.data['target']}/.", partial, timeout=_COPYING)
        else:
            _run("cp", "--archive", "--no-target-directory", source, partial, timeout=_COPYING)
        _run("sync", "--file-system", partial)
        os.rename(partial, target)

    def back(self, service: str) -> bool:
        """Everything as it was: the container, its data, and what lay in the directory."""
        note = self.note
        if note is None:
            return False
        one = self._instance()
        for entry in engine.inspect_containers():
            if engine.is_of_client(entry, service, self.client) and engine.is_marked(entry):
                _docker("rm", "--force", str(entry["Id"]))
        system.run("docker", "network", "rm", f"client-{self.client}_default")
        data, target = note["data"], self._path("data")
        if data["how"] == "renamed" and os.path.lexists(target) and not os.path.lexists(data["source"]):
            os.rename(target, data["source"])
        elif data["how"] not in ("stays", "renamed"):
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(self._path("data.adopting"), ignore_errors=True)
        for name in _OURS:
            private_file.remove(self._path(name))
        shutil.rmtree(self._path(".previous"), ignore_errors=True)
        for name in _COMPOSE_FILES:
            if os.path.lexists(self._path(f"{ASIDE}/{name}")):
                os.rename(self._path(f"{ASIDE}/{name}"), self._path(name))
        if one.name != note["name"]:
            _docker("rename", one.identifier, note["name"])
        _docker("update", f"--restart={note['restart']}", one.identifier)
        if note["running"]:
            _docker("start", one.identifier)
        shutil.rmtree(self._path(ASIDE), ignore_errors=True)
        private_file.remove(self._path(folder.ADOPTING))
        if note["mode"]:
            os.chmod(self.directory, int(note["mode"], 8))
        else:
            with suppress(OSError):
                os.rmdir(self.directory)
        return True

    def finish(self) -> bool:
        """The container of before goes; a volume of its, and what was put aside, stay until somebody removes them."""
        if self.note is None:
            return False
        if self.one is not None:
            labels = self.one.config.get("Labels") or {}
            _docker("rm", self.one.identifier)
            # Its own Compose project's network, where nobody else is in it
            if labels.get("com.docker.compose.project"):
                system.run("docker", "network", "rm", f"{labels['com.docker.compose.project']}_default")
        private_file.remove(self._path(folder.ADOPTING))
        return True


def _docker(*arguments: str, timeout: int = _PATIENCE) -> None:
    _run("docker", *arguments, timeout=timeout)


def _run(*arguments: str, timeout: int = _PATIENCE) -> None:
    done = system.run(*arguments, timeout=timeout)
    if not done.ok:
        why = (done.error.strip().splitlines() or ["no answer"])[-1]
        raise Refused(f"{' '.join(arguments[:2])} failed: {why}", "failed")
